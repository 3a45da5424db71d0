"""Each way to move a stack: one exec with nobody about, and what it leaves."""

from __future__ import annotations

import pytest
from attrs import evolve, frozen

from kmm.designs import QUESTIONS, find_kernel
from kmm.designs.exec_stack import ExecStack
from kmm.fs.exec import prepare_exec
from kmm.mm.audit import audit
from kmm.mm.boot import interrupt_threads, run_on, run_task, start_kernel
from kmm.mm.kernel import Config, Kernel
from kmm.mm.mm_types import Task, VmArea
from kmm.scenarios.exec_stack import ARGV, execve
from kmm.sim.failure import Failure
from kmm.sim.machine import Machine
from kmm.sim.strategies import RoundRobin
from kmm.sim.thread import KThread

ANSWERS = list(QUESTIONS["exec-stack"])
SHIFT = 6  # pages by which the stack moves


@frozen
class Executed:
    """What an exec has left behind."""

    k: Kernel
    task: Task
    failure: Failure | None
    before: tuple[int, int]  # the temporary stack's bounds

    @property
    def stack(self) -> VmArea:
        assert self.task.mm is not None
        (vma,) = self.task.mm.mmap
        return vma


def executed(answer: str, shift: int = SHIFT) -> Executed:
    """The program reads its argv back, so it is right if there is no failure."""
    found = QUESTIONS["exec-stack"][answer]
    assert isinstance(found, ExecStack)
    spec = evolve(find_kernel("2.6.34"), exec_stack=found)
    k = start_kernel(Config(cpus=2, frames=64, stack_shift=shift), spec)
    task = run_task(k, "sh", 4021, cpu=1)
    bprm = run_on(k, prepare_exec(k, "/bin/date", ARGV), cpu=1)
    before = (bprm.vma.vm_start, bprm.vma.vm_end)
    body = execve(k, task, bprm)
    thread = KThread("date", task.pid, 1, body, task=task)
    machine = Machine([thread, *interrupt_threads(k)])
    machine.run(RoundRobin())
    return Executed(k, task, machine.failure, before)


SOUND = [answer for answer in ANSWERS if answer != "hold-lock"]


@pytest.mark.parametrize("answer", SOUND)
def test_the_program_finds_its_argv_where_the_stack_has_moved_to(answer: str) -> None:
    done = executed(answer)
    assert done.failure is None
    assert done.before[1] - done.stack.vm_end == SHIFT * 4096


@pytest.mark.parametrize("answer", SOUND)
def test_nothing_is_left_of_what_was_there_for_the_move_alone(answer: str) -> None:
    done = executed(answer)
    audit(done.k)
    assert len(done.stack.anon_vma_chain) == 1
    assert done.stack.anon_vma is not None
    assert [avc.vma for avc in done.stack.anon_vma.head] == [done.stack]


def test_to_hold_the_lock_while_moving_is_to_sleep_under_it() -> None:
    failure = executed("hold-lock").failure
    assert failure is not None
    assert failure.kind == "atomic_sleep"
    message = "BUG: sleeping function called from invalid context"
    assert failure.message.startswith(message)


@pytest.mark.parametrize("answer", ANSWERS)
def test_a_stack_that_need_not_move_stays_where_it_is(answer: str) -> None:
    done = executed(answer, shift=0)
    assert done.failure is None
    assert done.stack.vm_end == done.before[1]
