"""Signals: who sends them, and what a process has said is to be done.

Linux: kernel/signal.c.  How a handler is run, `entry` says.

Left out: threads and process groups, so a signal goes to one process; permissions;
real-time signals, which queue; siginfo; SIGCHLD at a child's end; stopping and going
on, so the signals for that do nothing; what a fault raises goes past handlers.  Only
reads and writes of pipes are cut short by a signal; waiting for a child is not.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from enum import Enum

from attrs import evolve, frozen

from ..mm.errno import EINVAL, ESRCH
from ..mm.fault import SIGBUS as SIGBUS
from ..mm.fault import SIGSEGV as SIGSEGV
from ..mm.kernel import Kernel
from ..mm.mm_types import SIGHAND, Sighand, Task
from ..sim.access import write_once
from .wait import signal_wake_up

SIGHUP = 1
SIGINT = 2
SIGILL = 4
SIGTRAP = 5
SIGFPE = 8
SIGKILL = 9
SIGUSR1 = 10
SIGUSR2 = 12
SIGPIPE = 13
SIGALRM = 14
SIGTERM = 15
SIGCHLD = 17
SIGCONT = 18
SIGSTOP = 19
SIGTSTP = 20
SIGTTIN = 21
SIGTTOU = 22
SIGURG = 23
SIGWINCH = 28
NSIG = 31  # without the real-time ones

SA_RESTART = 0x1000_0000  # a call that was cut short begins again
SA_NODEFER = 0x4000_0000  # the signal may come again while its handler runs
SA_RESETHAND = 0x8000_0000  # the handler is good for once

SIG_BLOCK = 0
SIG_UNBLOCK = 1
SIG_SETMASK = 2


def mask_of(*signals: int) -> int:
    """A set of signals: a bit for each, SIGHUP being the lowest."""
    return sum(1 << (signal - 1) for signal in set(signals))


UNBLOCKABLE = mask_of(SIGKILL, SIGSTOP)
IGNORED = mask_of(
    *(SIGCHLD, SIGCONT, SIGURG, SIGWINCH),
    *(SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU),  # they would stop the process
)
# What a fault raises is delivered before what others send.
SYNCHRONOUS = mask_of(SIGSEGV, SIGBUS, SIGILL, SIGTRAP, SIGFPE)


class Disposition(Enum):
    """What to do with a signal that has no handler."""

    SIG_DFL = 0  # end the process, or nothing
    SIG_IGN = 1


SIG_DFL, SIG_IGN = Disposition

# What a program does at a signal, in user mode.
Handler = Callable[[Kernel, Task, int], Awaitable[None]]


@frozen
class SigAction:
    """struct sigaction."""

    sa_handler: Handler | Disposition
    sa_flags: int = 0
    sa_mask: int = 0  # blocked too while the handler runs


DEFAULT = SigAction(SIG_DFL)


def action_of(sighand: Sighand, sig: int) -> SigAction:
    """Needs siglock, or to be the process itself."""
    return sighand.action.get(sig, DEFAULT)


def sig_handler_ignored(sighand: Sighand, sig: int) -> bool:
    """Whether a signal would do nothing at all."""
    handler = action_of(sighand, sig).sa_handler
    return handler is SIG_IGN or (handler is SIG_DFL and bool(mask_of(sig) & IGNORED))


# Sending.


async def sys_kill(k: Kernel, task: Task, pid: int, sig: int) -> int:
    """Send a signal, or with 0 ask whether one could be; 0, -ESRCH or -EINVAL.

    Linux looks every process up under RCU alone.  Here that is so for a process that
    signals itself, which needs no look; to find another takes tasklist_lock.  That is
    given back before the signal is sent, so `target` may end meanwhile, and even be
    waited for: its structure stays (in Linux by RCU, here as a reference is left), and
    the signal is lost.
    """
    async with k.rcu:
        target = task if pid == task.pid else await find_task_by_pid(k, pid)
        if target is None:
            return -ESRCH
        if not 0 <= sig <= NSIG:
            return -EINVAL
        if sig:
            await send_signal(target, sig)
    return 0


async def find_task_by_pid(k: Kernel, pid: int) -> Task | None:
    async with k.tasklist_lock:
        return k.tasks.get(pid)


async def send_signal(target: Task, sig: int) -> None:
    """Make a signal pending, unless it is ignored.  Takes siglock.

    One that is blocked is kept even so: what is to be done with it may change.
    """
    sighand = target.sighand
    async with sighand.siglock:
        blocked = bool(sighand.blocked & mask_of(sig))
        if not blocked and sig_handler_ignored(sighand, sig):
            return
        sighand.pending |= mask_of(sig)
        if not blocked:
            await signal_wake_up(sighand)


# What a process says of itself.


async def sys_rt_sigaction(
    k: Kernel, task: Task, sig: int, act: SigAction | None = None
) -> SigAction | int:
    """Say what is to be done at a signal; what was to be done before, or -EINVAL.

    Takes siglock.
    """
    if not 0 < sig <= NSIG or (act is not None and mask_of(sig) & UNBLOCKABLE):
        return -EINVAL
    sighand = task.sighand
    async with sighand.siglock:
        old = action_of(sighand, sig)
        if act is not None:
            mask = act.sa_mask & ~UNBLOCKABLE
            sighand.action[sig] = evolve(act, sa_mask=mask)
            if sig_handler_ignored(sighand, sig):
                sighand.pending &= ~mask_of(sig)
                await recalc_sigpending(sighand)
    return old


async def sys_rt_sigprocmask(k: Kernel, task: Task, how: int, mask: int) -> int:
    """Change what is blocked; 0 or -EINVAL.  Takes siglock."""
    blocked = task.sighand.blocked
    if how == SIG_BLOCK:
        blocked |= mask
    elif how == SIG_UNBLOCK:
        blocked &= ~mask
    elif how == SIG_SETMASK:
        blocked = mask
    else:
        return -EINVAL
    await set_blocked(task, blocked)
    return 0


async def set_blocked(task: Task, mask: int) -> None:
    """Takes siglock."""
    sighand = task.sighand
    async with sighand.siglock:
        sighand.blocked = mask & ~UNBLOCKABLE
        await recalc_sigpending(sighand)


async def recalc_sigpending(sighand: Sighand) -> None:
    """See again whether there is anything to deliver.  Needs siglock."""
    deliverable = bool(sighand.pending & ~sighand.blocked)
    if deliverable != sighand.sigpending:
        await write_once(sighand, SIGHAND.sigpending, deliverable)


# Delivering.


async def get_signal_to_deliver(task: Task) -> tuple[int, SigAction] | None:
    """Take the next signal that something is to be done about.  Takes siglock."""
    sighand = task.sighand
    async with sighand.siglock:
        while sig := next_signal(sighand):
            sighand.pending &= ~mask_of(sig)
            action = action_of(sighand, sig)
            if sig_handler_ignored(sighand, sig):
                continue
            if action.sa_flags & SA_RESETHAND:
                sighand.action[sig] = DEFAULT
            break
        await recalc_sigpending(sighand)
    return (sig, action) if sig else None


def next_signal(sighand: Sighand) -> int:
    """The lowest that is pending and not blocked, those of faults first; 0 if none."""
    ready = sighand.pending & ~sighand.blocked
    ready = ready & SYNCHRONOUS or ready
    return (ready & -ready).bit_length()


# At fork and exec.


def copy_sighand(parent: Task, child: Task) -> None:
    """A child begins with its parent's actions and mask, and nothing pending.

    Only the parent changes these, so it needs no lock.
    """
    child.sighand.action = dict(parent.sighand.action)
    child.sighand.blocked = parent.sighand.blocked


async def flush_signal_handlers(task: Task) -> None:
    """A new program knows none of the old one's handlers.  Takes siglock, if any."""
    sighand = task.sighand
    if not sighand.action:
        return
    async with sighand.siglock:
        for sig, action in list(sighand.action.items()):
            if action.sa_handler is not SIG_IGN:
                del sighand.action[sig]
