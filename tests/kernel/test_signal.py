"""Signals: who gets which, and when."""

from __future__ import annotations

import pytest
from building import boot
from users import User, user

from kmm.fs.binfmt_elf import load_elf_binary
from kmm.fs.exec import prepare_exec
from kmm.fs.ramfs import init_rootfs
from kmm.kernel.signal import (
    NSIG,
    SA_RESETHAND,
    SIG_BLOCK,
    SIG_DFL,
    SIG_IGN,
    SIG_SETMASK,
    SIG_UNBLOCK,
    SIGCHLD,
    SIGINT,
    SIGKILL,
    SIGSEGV,
    SIGSTOP,
    SIGTERM,
    SIGUSR1,
    SIGUSR2,
    SigAction,
    flush_signal_handlers,
    get_signal_to_deliver,
    mask_of,
    sys_kill,
    sys_rt_sigaction,
    sys_rt_sigprocmask,
)
from kmm.mm.errno import EINVAL, ESRCH
from kmm.mm.kernel import Kernel
from kmm.mm.mm_types import Task


async def handler(k: Kernel, task: Task, sig: int) -> None:
    pass


CAUGHT = SigAction(handler)
IGNORED = SigAction(SIG_IGN)


def kill(u: User, sig: int, pid: int | None = None) -> int:
    return u.run(sys_kill(u.k, u.task, u.task.pid if pid is None else pid, sig))


def act(u: User, sig: int, action: SigAction | None = None) -> SigAction | int:
    return u.run(sys_rt_sigaction(u.k, u.task, sig, action))


def mask(u: User, how: int, signals: int) -> int:
    return u.run(sys_rt_sigprocmask(u.k, u.task, how, signals))


def next_of(u: User) -> int:
    """The signal that would be delivered now; 0 if none."""
    found = u.run(get_signal_to_deliver(u.task))
    return found[0] if found is not None else 0


# kill.


@pytest.mark.parametrize(("pid", "sig", "error"), [(77, 1, ESRCH), (77, 99, ESRCH)])
def test_who_does_not_exist_gets_no_signal(pid: int, sig: int, error: int) -> None:
    assert kill(user(), sig, pid) == -error


@pytest.mark.parametrize("sig", [-1, NSIG + 1])
def test_what_is_no_signal_cannot_be_sent(sig: int) -> None:
    assert kill(user(), sig) == -EINVAL


def test_signal_0_asks_whether_somebody_is_there() -> None:
    u = user()
    assert kill(u, 0) == 0
    assert u.task.sighand.pending == 0
    assert kill(u, 0, 77) == -ESRCH


def test_a_signal_is_pending_until_it_is_delivered_and_once_however_often_sent() -> (
    None
):
    u = user()
    other = user(u.k)
    assert kill(u, SIGTERM, other.task.pid) == 0
    assert kill(u, SIGTERM, other.task.pid) == 0
    assert u.task.sighand.pending == 0
    assert other.task.sighand.pending == mask_of(SIGTERM)
    assert other.task.sighand.sigpending
    assert [next_of(other), next_of(other)] == [SIGTERM, 0]
    assert not other.task.sighand.sigpending


def test_the_lowest_comes_first_but_for_those_that_faults_raise() -> None:
    u = user()
    for sig in (SIGTERM, SIGUSR1, SIGSEGV, SIGINT):
        kill(u, sig)
    assert [next_of(u) for _ in range(5)] == [SIGSEGV, SIGINT, SIGUSR1, SIGTERM, 0]


def test_what_is_ignored_is_not_even_pending() -> None:
    u = user()
    act(u, SIGTERM, IGNORED)
    kill(u, SIGTERM)
    kill(u, SIGCHLD)
    assert u.task.sighand.pending == 0
    act(u, SIGCHLD, CAUGHT)
    kill(u, SIGCHLD)
    assert next_of(u) == SIGCHLD


# sigaction.


def test_the_old_action_is_given_back() -> None:
    u = user()
    assert act(u, SIGUSR1, CAUGHT) == SigAction(SIG_DFL)
    assert act(u, SIGUSR1, IGNORED) == CAUGHT
    assert act(u, SIGUSR1) == IGNORED
    assert act(u, SIGUSR1) == IGNORED


@pytest.mark.parametrize("sig", [0, -1, NSIG + 1, SIGKILL, SIGSTOP])
def test_some_signals_cannot_be_caught(sig: int) -> None:
    u = user()
    assert act(u, sig, CAUGHT) == -EINVAL


def test_what_cannot_be_caught_can_be_asked_about() -> None:
    assert act(user(), SIGKILL) == SigAction(SIG_DFL)


def test_who_comes_to_ignore_a_signal_loses_those_that_are_pending() -> None:
    u = user()
    mask(u, SIG_BLOCK, mask_of(SIGTERM))
    kill(u, SIGTERM)
    act(u, SIGTERM, IGNORED)
    mask(u, SIG_UNBLOCK, mask_of(SIGTERM))
    assert next_of(u) == 0


def test_a_handler_may_be_good_for_once() -> None:
    u = user()
    act(u, SIGUSR1, SigAction(handler, SA_RESETHAND))
    kill(u, SIGUSR1)
    found = u.run(get_signal_to_deliver(u.task))
    assert found is not None
    assert found[1].sa_handler is handler
    assert act(u, SIGUSR1) == SigAction(SIG_DFL)


# sigprocmask.


def test_a_blocked_signal_waits_even_if_it_is_ignored_meanwhile() -> None:
    u = user()
    assert mask(u, SIG_BLOCK, mask_of(SIGTERM, SIGCHLD)) == 0
    kill(u, SIGTERM)
    kill(u, SIGCHLD)
    assert not u.task.sighand.sigpending
    assert next_of(u) == 0
    act(u, SIGCHLD, CAUGHT)
    assert mask(u, SIG_UNBLOCK, mask_of(SIGCHLD)) == 0
    assert u.task.sighand.sigpending
    assert next_of(u) == SIGCHLD
    assert mask(u, SIG_SETMASK, 0) == 0
    assert next_of(u) == SIGTERM


def test_some_signals_cannot_be_blocked() -> None:
    u = user()
    assert mask(u, SIG_SETMASK, mask_of(SIGKILL, SIGSTOP, SIGUSR2)) == 0
    assert u.task.sighand.blocked == mask_of(SIGUSR2)
    assert mask(u, 3, 0) == -EINVAL


# fork and exec.


def test_a_child_has_its_parents_actions_and_mask_but_not_its_signals() -> None:
    u = user()
    act(u, SIGUSR1, CAUGHT)
    mask(u, SIG_BLOCK, mask_of(SIGTERM))
    kill(u, SIGTERM)
    child = u.fork()
    assert act(child, SIGUSR1) == CAUGHT
    assert child.task.sighand.blocked == mask_of(SIGTERM)
    assert child.task.sighand.pending == 0
    act(child, SIGUSR1, IGNORED)
    assert act(u, SIGUSR1) == CAUGHT


def test_a_new_program_has_no_handlers_but_ignores_what_was_ignored() -> None:
    u = user()
    act(u, SIGUSR1, CAUGHT)
    act(u, SIGUSR2, IGNORED)
    u.run(flush_signal_handlers(u.task))
    assert act(u, SIGUSR1) == SigAction(SIG_DFL)
    assert act(u, SIGUSR2) == IGNORED


def test_exec_sees_to_that() -> None:
    u = user(boot_with_files())
    act(u, SIGUSR1, CAUGHT)

    async def execve() -> None:
        await load_elf_binary(u.k, u.task, await prepare_exec(u.k, "/p", [b"p"]))

    u.run(execve())
    assert act(u, SIGUSR1) == SigAction(SIG_DFL)


def boot_with_files() -> Kernel:
    k = boot(frames=128)
    init_rootfs(k)
    return k
