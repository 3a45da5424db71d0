"""Where something is at home in the kernel's source, and the words that help."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache

from ...course.glossary import explained
from ...report.words import kernel_trace
from ...sim.recording import Step
from ..lines import Line
from ..pictures.seen import dim, title
from ..source import read_source

# Which module of the model each kind of thing is at home in.
HOMES = {
    "pte": "kmm/mm/pgtable.py",
    "upper": "kmm/mm/pgtable.py",
    "tlb": "kmm/mm/tlb.py",
    "vma": "kmm/mm/vma.py",
    "anon_vma": "kmm/mm/rmap.py",
    "page": "kmm/mm/mm_types.py",
}
SAYS_LINUX = re.compile(r"Linux: (.+?)\.(?=\s|$)", re.DOTALL)


def place_lines(kind: str, step: Step | None) -> Iterator[Line]:
    """The source of a kind of thing, and of the step that had to do with it."""
    if kind in HOMES:
        file = HOMES[kind]
        yield dim(f"In the model: {file}{of_linux(file)}.")
    trace = kernel_trace(step.trace) if step else ()
    if trace:
        place = trace[0]
        where = f"{place.file}:{place.line}{of_linux(place.file)}"
        yield dim(f"The last step: {place.function}(), {where}.")


def of_linux(file: str) -> str:
    found = linux_place(file)
    return f"; in Linux: {found}" if found else ""


@lru_cache(maxsize=64)
def linux_place(file: str) -> str:
    """Which files of Linux a module stands for, as its docstring says; maybe none."""
    text = read_source(file)
    docstring = ast.get_docstring(ast.parse(text)) if text else None
    found = SAYS_LINUX.search(docstring or "")
    return " ".join(found[1].split()) if found else ""


def term_lines(terms: Iterable[str]) -> Iterator[Line]:
    words = explained(*terms)
    if words:
        yield title("Words")
    for term, sentence in words.items():
        yield Line(f"{term}: {sentence}", hang=2)
