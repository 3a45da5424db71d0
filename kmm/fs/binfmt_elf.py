"""The second half of execve, for ELF programs: the point of no return and beyond.

Linux: fs/binfmt_elf.c.  Called by whoever runs a program in a thread of the model,
after `exec.prepare_exec`.  Left out: the program's segments, the environment, the
auxiliary vector and the strings that it points to.
"""

from __future__ import annotations

from ..hw.memory import PAGE_SHIFT, VirtAddr
from ..kernel.uaccess import put_user, strnlen_user
from ..mm.kernel import Kernel
from ..mm.mm_types import Task
from ..sim.failure import ModelFailure
from .exec import ADDRESS_BYTES, STACK_TOP, BinPrm, flush_old_exec

STACK_ALIGN = 16


class Killed(ModelFailure):
    """execve failed after the old program was gone: SIGKILL in Linux.

    Here it ends the run, even in a process (see `kernel.process.run_program`).
    """

    kind = "corruption"


async def load_elf_binary(k: Kernel, task: Task, bprm: BinPrm) -> VirtAddr:
    """Turn `task` into the program; return the stack pointer that it starts with.

    Raises Killed, if the stack cannot be moved.
    """
    await flush_old_exec(k, task, bprm)
    error = await k.exec_stack.setup_arg_pages(k, bprm, randomize_stack_top(k))
    if error:
        raise Killed(f"{task.comm}[{task.pid}]: killed in execve, error {error}")
    return await create_elf_tables(task, bprm)


def randomize_stack_top(k: Kernel) -> VirtAddr:
    """Where the stack ends: lowered by as much as address randomisation says.

    For a native x86-64 program that is 0 to 0x3fffff pages, at random; here the shift
    is part of the configuration.  With 0 nothing moves.
    """
    return VirtAddr(STACK_TOP - (k.config.stack_shift << PAGE_SHIFT))


async def create_elf_tables(task: Task, bprm: BinPrm) -> VirtAddr:
    """Put argc, the argv pointers and NULL on the new stack; return where argc is.

    The kernel itself touches the new stack here, for the first time since it moved.
    """
    pointers = [bprm.p]  # of each string, and of what comes after the last one
    for _ in range(bprm.argc):
        pointers.append(VirtAddr(pointers[-1] + await strnlen_user(task, pointers[-1])))
    assert task.mm is not None
    task.mm.arg_end = pointers.pop()
    table = [bprm.argc, *pointers, 0]
    sp = VirtAddr((bprm.p - len(table) * ADDRESS_BYTES) & -STACK_ALIGN)
    for place, word in enumerate(table):
        await put_user(task, VirtAddr(sp + place * ADDRESS_BYTES), word)
    task.mm.start_stack = sp
    return sp
