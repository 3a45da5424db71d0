"""Habits that keep designs comparable, and that keep two of them from mixing."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path

import pytest

import kmm
from kmm.designs import (
    KERNELS,
    QUESTIONS,
    Answer,
    KernelSpec,
    UnknownName,
    find_kernel,
)
from kmm.designs.kernels import parse_kernel

ROOT = Path(kmm.__file__).parent
ANSWERS = [a for answers in QUESTIONS.values() for a in answers.values()]
SEAM = {name for answer in ANSWERS for name in answer.functions()}
MODEL = sorted(
    path
    for room in ("mm", "fs", "kernel", "designs")
    for path in (ROOT / room).rglob("*.py")
)


@pytest.mark.parametrize("answer", ANSWERS, ids=lambda a: a.name)
def test_a_design_changes_bodies_and_never_names_or_signatures(answer: Answer) -> None:
    base = answer.base or answer
    for name, function in answer.functions().items():
        assert function.__name__ == name
        assert inspect.signature(function) == inspect.signature(base.functions()[name])


@pytest.mark.parametrize("answer", ANSWERS, ids=lambda a: a.name)
def test_a_design_changes_something_and_tells_its_story(answer: Answer) -> None:
    assert answer.base is None or answer.changed(answer.base)
    assert len(answer.story) > 200, "the module's docstring is its story"
    assert all((answer.title, answer.tag, answer.source, answer.closes, answer.costs))


@pytest.mark.parametrize("path", MODEL, ids=lambda p: str(p.relative_to(ROOT)))
def test_what_designs_replace_is_called_through_the_kernel(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    bare = [
        node.func.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    ]
    assert sorted(SEAM & set(bare)) == [], (
        "a bare call would mix two designs: call it through the kernel, as in "
        "k.exec_stack.shift_arg_pages(...)"
    )


def test_the_test_above_would_notice_a_bare_call() -> None:
    assert {"shift_arg_pages", "try_to_unmap_anon", "vma_adjust"} <= SEAM


@pytest.mark.parametrize("kernel", KERNELS.values(), ids=KERNELS)
def test_a_kernel_survives_being_written_down(kernel: KernelSpec) -> None:
    assert parse_kernel(kernel.text) == kernel
    other = kernel.with_answer("pte-peek", "unlocked")
    assert other.text == f"{kernel.name},pte-peek=unlocked"
    assert parse_kernel(other.text) == other


def test_an_answer_that_a_kernel_has_already_changes_nothing() -> None:
    v6 = find_kernel("v6")
    assert v6.with_answer("exec-stack", "temporary-vma") is v6
    assert find_kernel("fixraces") is v6
    assert find_kernel("vanilla") is KERNELS["2.6.34"]


@pytest.mark.parametrize("text", ["2.4", "v6,exec=x", "v6,exec-stack=x", ""])
def test_an_unknown_name_says_what_there_is(text: str) -> None:
    with pytest.raises(UnknownName, match="there is"):
        parse_kernel(text)


def test_there_is_one_yield_in_what_kernel_threads_run() -> None:
    """Every preemption point is an await; only the trap yields."""
    # These list things, for whoever shows them, or asks for the next with a `for`;
    # none can suspend a thread.  Nor can what is done in slices (`sim.slices`): that is
    # a search, seen from outside.
    iterators = {
        "entries_of",
        "entries_in",
        "named_slots",
        "pagemap_of",
        "parts_of_range",
        "merges",
        "way",
        "ways_on",
        "sources",
        "instrumented",
        "over",
        "work_out",
        "processes",
        "shared_out",
        "no_collections",
        "one_by_one",
    }
    found = []
    for room in ("sim", "hw", "mm", "fs", "kernel", "designs", "scenarios"):
        for path in (ROOT / room).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                    if "Slices" in ast.dump(node.returns or ast.Pass()):
                        continue
                    yields = [n for n in ast.walk(node) if isinstance(n, ast.Yield)]
                    found += [node.name] * bool(yields)
    assert set(found) - iterators == {"trap"}


def test_a_function_that_never_awaits_is_not_async() -> None:
    """Unless it stands in for one that does, under the same name."""
    waits = ast.Await | ast.AsyncWith | ast.AsyncFor
    functions = [
        node
        for room in ("sim", "hw", "mm", "fs", "kernel", "designs", "scenarios")
        for path in (ROOT / room).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.AsyncFunctionDef)
    ]
    waiting = {
        node.name
        for node in functions
        if any(isinstance(n, waits) for n in ast.walk(node))
    }
    assert {node.name for node in functions} - waiting == set()
