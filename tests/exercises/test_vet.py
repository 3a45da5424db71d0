"""What a submission may not say is refused before any of it has run."""

from __future__ import annotations

from functools import partial

import pytest
from attrs import evolve
from exercises.submissions import EXEC, UNMAP, above_shift, at_start_of_shift, solution

from kmm.exercises import find_exercise
from kmm.exercises.code import has_the_answer
from kmm.exercises.vet import Refused, readable, storable, vet

# Each is an attempt to get out of the model; what is said of it names the cause.
AT_THE_TOP = {
    "another module": ("import os", "only imports"),
    "a name of another module": ("from os import _exit", "os is out of reach"),
    "the checker": ("from kmm.sim.search import search", "out of reach"),
    "the judge": ("from kmm.exercises.canary import Canary", "out of reach"),
    "the hidden checks": ("from kmm.exercises.read import read", "out of reach"),
    "what runs coroutines": ("from kmm.mm.boot import run_on", "out of reach"),
    "what runs them as a whole": (
        "from kmm.kernel.process import Process",
        "kmm.kernel.process is out of reach",
    ),
    "files of the model's /proc": (
        "from kmm.fs.proc.meminfo import sizes",
        "out of reach",
    ),
    "a TLB": ("from kmm.hw.tlb import Tlb", "kmm.hw.tlb is out of reach"),
    "a module of the model": ("from kmm.mm import rmap", "kmm.mm is out of reach"),
    "what a module imported": (
        "from kmm.mm.rmap import annotations",
        "no annotations of its own",
    ),
    "a table that can change": (
        "from kmm.designs.kernels import KERNELS",
        "no KERNELS of its own",
    ),
    "a failure to raise": (
        "from kmm.sim.failure import ModelFailure",
        "no ModelFailure of its own",
    ),
    "a module that is none": ("from kmm.mm.nothing import x", "out of reach"),
    "another name for it": ("from kmm.mm.rmap import SWAP_FAIL as f", "no `as`"),
    "a relative import": ("from . import conftest", "the whole name"),
    "code on import": ("print('Score: 10/10')", "at the top"),
    "a loop on import": ("while True:\n    pass", "at the top"),
    "a call on import": ("X = open('/tmp/x', 'w')", "at the top"),
    "a list that remembers": ("SEEN = []", "at the top"),
    "a class": ("class Int(int):\n    pass", "at the top"),
    "a decorator": ("@evolve\ndef f():\n    pass", "has a decorator"),
    "a default that remembers": ("def f(seen=[]):\n    pass", "no constant"),
    "a default that is a call": ("def f(seen=open('x')):\n    pass", "no constant"),
    "a name of Python's": ("__builtins__ = 1", "no underscore"),
}
IN_A_FUNCTION = {
    "an import": ("import os", "Import is not"),
    "the code of a function": ("shift_arg_pages.__code__", ".__code__ is nothing"),
    "the globals of a function": (
        "find_vma.__globals__['find_vma'] = 1",
        ".__globals__ is nothing",
    ),
    "the frame of a coroutine": ("find_vma(1, 2).cr_frame", ".cr_frame is nothing"),
    "a class by its object": ("().__class__.__base__", ".__class__ is nothing"),
    "by a format": ("'{0.__globals__}'.format(find_vma)", ".format is nothing"),
    "by an f-string": ("f'{find_vma.__globals__}'", ".__globals__ is nothing"),
    "the built-in names": ("__builtins__['open']", "no underscore"),
    "a step of its own": ("find_vma(1, 2).send(None)", ".send is nothing"),
    "a step by another name": ("apic = k.cpus[0].apic; apic.send(1)", ".send is nothi"),
    "a step of what is no interrupt": ("find_vma.apic = 1", ".apic is not"),
    "memory, where no search sees it": ("k.memory", ".memory is nothing"),
    "an entry, where no search sees it": ("ptep.value", ".value is nothing"),
    "another design": ("k.exec_stack = None", ".exec_stack is not a submission's"),
    "another configuration": ("k.config = None", ".config is not a submission's"),
    "a lock's holder": ("vma.mm.mmap_sem.owner = None", ".owner is not"),
    "another lock": ("vma.mm.mmap_sem = None", ".mmap_sem is not"),
    "another name": ("vma.name = 'vma#1'", ".name is not"),
    "exceptions swallowed": (
        "try:\n        pass\n    except BaseException:\n        pass",
        "Try is not",
    ),
    "exceptions raised": ("raise SystemExit", "Raise is not"),
    "a step that is none": ("yield 1", "Yield is not"),
    "a global that remembers": ("global find_vma", "Global is not"),
    "a class": ("class A: pass", "ClassDef is not"),
    "a pattern": (
        "match vma:\n        case VmArea(__class__=x):\n            pass",
        "Match is not",
    ),
    "more than memory": ("9 ** 9 ** 9", "Pow is not"),
    "what cannot be seen": ("evolve(vma, **{'name': 1})", "no underscore"),
    "deleting": ("del vma.vm_start", "Delete is not"),
}


@pytest.mark.parametrize("name", AT_THE_TOP)
def test_what_leads_out_of_the_model_is_refused_at_the_top(name: str) -> None:
    lines, why = AT_THE_TOP[name]
    with pytest.raises(Refused) as refused:
        vet(above_shift(lines))
    assert why in str(refused.value)


@pytest.mark.parametrize("name", IN_A_FUNCTION)
def test_what_leads_out_of_the_model_is_refused_in_a_function(name: str) -> None:
    lines, why = IN_A_FUNCTION[name]
    with pytest.raises(Refused) as refused:
        vet(at_start_of_shift(lines))
    assert why in str(refused.value)


def test_an_interrupt_may_be_sent_and_types_may_be_named() -> None:
    text = above_shift(
        "from kmm.hw.cpu import Cpu",
        "from kmm.mm.rmap import RmapOne",
        "async def tell(cpu: Cpu, rmap_one: RmapOne) -> None:",
        "    await cpu.apic.send(1)",
    )
    assert not {"Cpu", "RmapOne"} & set(vet(text).imported)


@pytest.mark.parametrize(
    ("line", "is_closed"),
    [
        ("from kmm.designs.exec_stack.e00_unprotected import UNPROTECTED", False),
        ("from kmm.designs.exec_stack.e07_temporary_vma import TEMPORARY_VMA", True),
        ("from kmm.designs.exec_stack import TEMPORARY_VMA", True),
        ("from kmm.designs.kernels import find_kernel", True),
        ("from kmm.mm.vma import vma_adjust", True),
        ("from kmm.mm.vma import vma_merge", False),
    ],
)
def test_an_exercise_may_close_what_has_its_answer(line: str, is_closed: bool) -> None:
    settings = {
        "function": "kmm.mm.vma.vma_adjust",
        "designs": ["kmm.designs.exec_stack.e00_unprotected"],
    }
    exercise = evolve(find_exercise(EXEC), settings=settings)
    if not is_closed:
        vet(line, partial(has_the_answer, exercise))
        return
    with pytest.raises(Refused, match="has the answer: write your own"):
        vet(line, partial(has_the_answer, exercise))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("def f(:", "not Python"),
        ("\0", "not Python|cannot be read"),
        ("(" * 5_000, "not Python"),
        ("x = " + "-" * 20_000 + "1", "line 1"),
        ("x = 1\n" * 20_000, "more than 50,000 characters"),
        ("x = " + "9" * 10_000, "line 1"),
    ],
)
def test_what_cannot_be_read_is_refused(text: str, why: str) -> None:
    with pytest.raises(Refused, match=why):
        vet(text)


def test_a_refusal_names_the_line_and_not_more_than_a_few() -> None:
    with pytest.raises(Refused) as refused:
        vet("import os\n" * 9)
    assert str(refused.value).startswith("line 1: ")
    assert str(refused.value).endswith("and 4 more")


@pytest.mark.parametrize("name", [EXEC, UNMAP])
def test_solutions_are_not_refused(name: str) -> None:
    vetted = vet(solution(name))
    assert vetted.functions


def test_no_attribute_that_may_be_read_is_pythons_own_machinery() -> None:
    machinery = {*dir(object), *dir(vet), *dir(vet.__code__)}
    of_coroutines = {"cr_frame", "cr_await", "gi_frame", "f_back", "f_globals", "send"}
    assert not readable() & (machinery | of_coroutines)


def test_no_attribute_that_may_be_stored_is_the_kernels_or_a_locks() -> None:
    assert not storable() & {"config", "exec_stack", "owner", "held", "mmap_sem"}
