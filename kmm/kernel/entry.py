"""Into the kernel and back: system calls, and signals on the way out.

Linux: arch/x86/kernel/entry_64.S, arch/x86/kernel/signal.c.  A program that has to do
with signals makes its calls by way of this:

    n = await system_call(k, task, lambda: sys_read(k, task, fd, buffer, 1))

A handler is a coroutine of the program.  It runs on the stack of the program, below a
frame in which the kernel has put what it needs to go on as before; without a stack
(`Task.sp`), there is no room for that, and the process ends with SIGSEGV.

Left out: registers but the stack pointer, the alternate stack, the FPU's state.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from ..hw.memory import VirtAddr
from ..mm.errno import EINTR, ERESTARTSYS
from ..mm.fault import SIGSEGV, FatalSignal
from ..mm.kernel import Kernel
from ..mm.mm_types import Task
from .signal import (
    SA_NODEFER,
    SA_RESTART,
    SIG_DFL,
    Disposition,
    SigAction,
    get_signal_to_deliver,
    mask_of,
    set_blocked,
)
from .uaccess import WORD, copy_from_user, copy_to_user
from .wait import signal_pending

T = TypeVar("T")

REDZONE = 128  # bytes below the stack pointer that a function may use as it is
# struct rt_sigframe, in bytes from its start.
FRAME_SIZE = 440
FRAME_SP = 168  # uc.uc_mcontext.sp
FRAME_MASK = 304  # uc.uc_sigmask
FRAME_SIGNO = 312  # info.si_signo


async def system_call(
    k: Kernel, task: Task, call: Callable[[], Awaitable[T]]
) -> T | int:
    """Make a call, and then what signals ask for; what the program sees of the call.

    `call` begins it, again if it was cut short by a signal whose handler does not mind.
    Raises FatalSignal if a signal ends the process.
    """
    while True:
        result = await call()
        again = await do_signal(k, task)
        if result != -ERESTARTSYS:
            return result
        if not again:
            return -EINTR


async def do_signal(k: Kernel, task: Task) -> bool:
    """On the way to user mode: have signals handled.

    If another is pending its frame goes on top and its handler runs first; only the
    outermost answer counts.  That answer is whether a call that was cut short is to
    begin again.  Raises FatalSignal.
    """
    if not await signal_pending(task):
        return True
    signal = await get_signal_to_deliver(task)
    if signal is None:
        return True
    sig, action = signal
    if isinstance(action.sa_handler, Disposition):
        assert action.sa_handler is SIG_DFL
        raise killed(task, sig)
    await setup_rt_frame(task, sig)
    await block_while_handled(task, sig, action)
    await do_signal(k, task)  # the next one, if any
    await action.sa_handler(k, task, sig)
    await sys_rt_sigreturn(k, task)
    return bool(action.sa_flags & SA_RESTART)


async def setup_rt_frame(task: Task, sig: int) -> None:
    """Keep what the handler changes on the program's stack.  Raises FatalSignal."""
    frame = bytearray(FRAME_SIZE)
    put_word(frame, FRAME_SP, task.sp)
    put_word(frame, FRAME_MASK, task.sighand.blocked)
    put_word(frame, FRAME_SIGNO, sig)
    # As a function finds its stack after the call: 8 below a multiple of 16.
    where = (task.sp - REDZONE - FRAME_SIZE) // 16 * 16 - WORD
    if await copy_to_user(task, where, bytes(frame)):
        raise killed(task, SIGSEGV)
    task.sp = VirtAddr(where)


async def block_while_handled(task: Task, sig: int, action: SigAction) -> None:
    """Takes siglock."""
    mask = action.sa_mask
    if not action.sa_flags & SA_NODEFER:
        mask |= mask_of(sig)
    await set_blocked(task, task.sighand.blocked | mask)


async def sys_rt_sigreturn(k: Kernel, task: Task) -> None:
    """A handler is done: go on as the frame says, but see whether there is another.

    Raises FatalSignal.
    """
    frame = await copy_from_user(task, task.sp, FRAME_SIZE)
    if frame is None:
        raise killed(task, SIGSEGV)
    await set_blocked(task, word_of(frame, FRAME_MASK))
    task.sp = VirtAddr(word_of(frame, FRAME_SP))
    await do_signal(k, task)


def killed(task: Task, sig: int) -> FatalSignal:
    """The end of a process by a signal."""
    return FatalSignal(
        f"{task.comm}[{task.pid}]: killed by signal {sig}", sig, 0, VirtAddr(0)
    )


def put_word(frame: bytearray, offset: int, word: int) -> None:
    frame[offset : offset + WORD] = word.to_bytes(WORD, "little")


def word_of(frame: bytes, offset: int) -> int:
    return int.from_bytes(frame[offset : offset + WORD], "little")
