"""exec: strings on a temporary stack, and the stack moved to its place."""

from __future__ import annotations

import pytest
from building import alone, boot

from kmm.fs.binfmt_elf import load_elf_binary
from kmm.fs.exec import STACK_EXPAND, STACK_TOP_MAX, BinPrm, prepare_exec
from kmm.hw.memory import PAGE_SHIFT, PAGE_SIZE, VirtAddr
from kmm.mm.audit import audit
from kmm.mm.boot import run_task
from kmm.mm.kernel import Kernel
from kmm.mm.mm_types import VM_STACK_INCOMPLETE_SETUP, Task
from kmm.scenarios.exec_stack import main
from kmm.sim.failure import Corruption

KERNELS = ["2.6.34", "v4", "v6", "2.6.35"]


def execve(k: Kernel, argv: list[bytes]) -> tuple[Task, BinPrm, VirtAddr]:
    """All of execve, alone on the machine."""
    task = run_task(k, "sh", 7, cpu=1)
    bprm = alone(prepare_exec(k, "/bin/date", argv))
    sp = alone(load_elf_binary(k, task, bprm), k, cpu=1)
    return task, bprm, sp


def test_the_temporary_stack_is_the_highest_page_of_all() -> None:
    bprm = alone(prepare_exec(boot(), "/bin/date", [b"date"]))
    assert bprm.vma.vm_end == STACK_TOP_MAX
    assert bprm.vma.vm_start == STACK_TOP_MAX - PAGE_SIZE
    assert bprm.vma.vm_pgoff == bprm.vma.vm_start >> PAGE_SHIFT


def test_more_strings_than_a_page_holds_grow_the_temporary_stack() -> None:
    argv = [b"x" * 3000] * 4
    bprm = alone(prepare_exec(boot(), "/bin/date", argv))
    assert bprm.vma.vm_end - bprm.vma.vm_start == 3 * PAGE_SIZE
    assert bprm.vma.vm_pgoff == bprm.vma.vm_start >> PAGE_SHIFT


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize(
    "argv", [[b"date"], [b"date", b"-u", b""], [b"y" * 5000, b"z" * 2000]]
)
@pytest.mark.parametrize("shift", [0, 1, 6, 600])
def test_a_program_finds_its_arguments_wherever_its_stack_was_moved(
    kernel: str, argv: list[bytes], shift: int
) -> None:
    k = boot(kernel, stack_shift=shift, frames=64)
    task, bprm, sp = execve(k, argv)
    alone(main(k, task, sp, argv))
    assert task.comm == "date"
    assert bprm.vma.vm_end == STACK_TOP_MAX - shift * PAGE_SIZE
    audit(k)


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_stack_that_leaves_its_page_table_leaves_none_behind(kernel: str) -> None:
    k = boot(kernel, stack_shift=600, frames=64)
    _, bprm, _ = execve(k, [b"date"])
    assert bprm.mm.nr_ptes == 1


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_new_stack_is_grown_in_advance(kernel: str) -> None:
    _, bprm, _ = execve(boot(kernel), [b"date"])
    assert bprm.vma.vm_end - bprm.vma.vm_start == PAGE_SIZE + STACK_EXPAND


@pytest.mark.parametrize("kernel", KERNELS)
def test_one_vma_is_left_and_it_is_on_one_list(kernel: str) -> None:
    _, bprm, _ = execve(boot(kernel), [b"date"])
    assert bprm.mm.mmap == [bprm.vma]
    assert bprm.vma.anon_vma is not None
    assert [avc.vma for avc in bprm.vma.anon_vma.head] == [bprm.vma]


def test_the_merged_fix_marks_the_stack_until_it_has_moved() -> None:
    k = boot("2.6.35")
    bprm = alone(prepare_exec(k, "/bin/date", [b"date"]))
    both = VM_STACK_INCOMPLETE_SETUP
    assert bprm.vma.vm_flags & both == both
    task = run_task(k, "sh", 7, cpu=1)
    alone(load_elf_binary(k, task, bprm), k, cpu=1)
    assert not bprm.vma.vm_flags & both


def test_a_program_that_finds_other_arguments_says_so() -> None:
    k = boot()
    task, _, sp = execve(k, [b"date"])
    with pytest.raises(Corruption, match="execve was given"):
        alone(main(k, task, sp, [b"data"]))
