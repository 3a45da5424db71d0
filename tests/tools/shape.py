"""The shape of kmm, measured from its own source: sizes, prose, imports, designs.

    python tests/tools/shape.py                     a row for each room
    python tests/tools/shape.py --json              everything, exactly
    python tests/tools/shape.py --markdown [PART]   what docs/design.md shows of it
    python tests/tools/shape.py DIRECTORY           one row, for any other code base

What is counted, and how:

- files that are no tests, and their lines;
- a function from `def` to its end, less its docstring; methods and functions inside
  others too;
- prose: lines of docstrings and lines with a comment, of the lines that are not blank;
- parameters with an annotation, but for self, cls, *args and **kwargs;
- functions with a docstring, of those whose name has no leading underscore.

A p90 is the least value that nine of ten do not exceed.  A share is rounded down, so
that 100 % means all.  `docs/design.md` has the figures of other code bases, which were
measured in the same way.
"""

from __future__ import annotations

import argparse
import ast
import io
import json
import math
import re
import statistics
import sys
import tokenize
from collections.abc import Callable, Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any, TypeVar

from attrs import asdict, frozen

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[2])]

from tools import rooms  # noqa: E402

from kmm.designs import QUESTIONS, Answer  # noqa: E402
from kmm.report.difference import FunctionDiff, function_diffs  # noqa: E402

ROOT = rooms.ROOT
KERNEL_ROOMS = ("mm", "fs", "kernel")  # whose names are Linux's
LONG_FUNCTION = 40  # lines; whatever is longer has its reason here
LONG_MODULE = 500

Function = ast.FunctionDef | ast.AsyncFunctionDef
T = TypeVar("T")

# Why it is longer than the rest, by file, and by function.
REASONS = {
    "kmm/sim/timed.py": "one run loop, with clocks: whose turn it is, and who waits",
    "kmm/tui/screens/stepper.py": "an action for each key of the screen of a run",
    "kmm/mm/memory.py": "as mm/memory.c: faults, fork's copying, and unmapping",
    "kmm/mm/rmap.py": "as mm/rmap.c: anon_vmas, and all the walks over them",
    "kmm/mm/vma.py": "as that part of mm/mmap.c: finding, splitting, merging",
    "kmm/mm/vmscan.py": "as mm/vmscan.c: isolating, reclaim, and kswapd",
    "kmm/cli/options/hardware.py:add_mmu_walk": "one call for each option",
    "kmm/fs/proc/meminfo.py:sizes": "a line for each line of /proc/meminfo",
    "kmm/mm/memory.py:do_swap_page": "one fault, with a way out at every wait",
    "kmm/scenarios/play.py:hunting": "two ways to search, and a record of the find",
}

# Of snapshots of their repositories, without tests; the columns are those of `Figures`.
ANCHORS = """\
| xv6 kernel, in C | 24 | 5,074 | 153 / 505 / 697 | 13 / 38 / 118 | 18 of 100 | | |
| EELS, one fork | 43 | 9,225 | 140 / 597 / 877 | 13 / 37 / 122 | 42 % | 100 % | 96 % |
| trio, `_core` | 27 | 8,613 | 169 / 385 / 3,139 | 7 / 28 / 245 | 45 % | 100 % | 48 % |
| h11 | 11 | 2,568 | 153 / 369 / 659 | 6 / 30 / 58 | 44 % | 100 % | 26 % |
| simpy | 11 | 2,142 | 126 / 291 / 655 | 4 / 16 / 58 | 40 % | 100 % | 87 % |
| attrs | 19 | 6,428 | 89 / 766 / 3,462 | 7 / 41 / 256 | 36 % | in `.pyi` | 68 % |
| hypothesis | 106 | 45,902 | 213 / 1,291 / 2,903 | 7 / 39 / 480 | 28 % | 73 % | 28 % |
| posting | 66 | 12,011 | 89 / 412 / 1,674 | 6 / 30 / 187 | 9 % | 99 % | 26 % |
| harlequin | 72 | 16,782 | 143 / 532 / 1,442 | 7 / 28 / 494 | 16 % | 100 % | 25 % |
"""


# Sources.


@frozen
class Source:
    """A module as it is written."""

    path: Path
    text: str
    tree: ast.Module

    @property
    def lines(self) -> list[str]:
        return self.text.splitlines()

    @property
    def functions(self) -> list[Function]:
        return [node for node in ast.walk(self.tree) if isinstance(node, Function)]


@cache
def sources(directory: Path) -> tuple[Source, ...]:
    """The modules below a directory, but for tests."""
    found = []
    for path in sorted(directory.rglob("*.py")):
        if not {"test", "tests", "_tests"} & {*path.relative_to(directory).parts}:
            text = path.read_text(encoding="utf-8")
            found.append(Source(path, text, ast.parse(text)))
    return tuple(found)


# Figures of one code base, or of one room.


@frozen
class Spread:
    """Of many sizes."""

    median: float
    p90: int
    longest: int

    def __str__(self) -> str:
        return f"{self.median:.0f} / {self.p90:,} / {self.longest:,}"


@frozen
class Share:
    """So many of all."""

    some: int
    every: int

    def __str__(self) -> str:
        return f"{100 * self.some // self.every} %" if self.every else ""


@frozen
class Figures:
    """What the table has of each."""

    files: int
    lines: int
    file: Spread
    function: Spread
    prose: Share
    annotated: Share
    documented: Share

    def row(self, name: str) -> str:
        cells = (self.files, f"{rounded(self.lines):,}", self.file, self.function)
        shares = (self.prose, self.annotated, self.documented)
        return "| " + " | ".join(map(str, (name, *cells, *shares))) + " |\n"


def rounded(lines: int) -> int:
    """To the nearest hundred: not each change of the code is to change the docs."""
    return max(round(lines, -2), 100)


def figures(found: Sequence[Source]) -> Figures:
    functions = [function for source in found for function in source.functions]
    sizes = [len(source.lines) for source in found]
    names = [function for function in functions if not function.name.startswith("_")]
    parameters = [*chain.from_iterable(map(parameters_of, functions))]
    return Figures(
        files=len(found),
        lines=sum(sizes),
        file=spread(sizes),
        function=spread([length(function) for function in functions]),
        prose=Share(
            sum(len(prose(source)) for source in found),
            sum(bool(line.strip()) for source in found for line in source.lines),
        ),
        annotated=counted(parameters, lambda each: each.annotation is not None),
        documented=counted(names, lambda each: bool(docstring_lines(each))),
    )


def spread(sizes: Iterable[int]) -> Spread:
    ordered = sorted(sizes) or [0]
    p90 = ordered[math.ceil(0.9 * len(ordered)) - 1]
    return Spread(statistics.median(ordered), p90, ordered[-1])


def counted(each: Sequence[T], holds: Callable[[T], bool]) -> Share:
    return Share(sum(map(holds, each)), len(each))


def length(function: Function) -> int:
    """Its lines from `def` on, less its docstring."""
    whole = range(function.lineno, (function.end_lineno or 0) + 1)
    return len({*whole} - docstring_lines(function))


def parameters_of(function: Function) -> list[ast.arg]:
    listed = function.args
    every = [*listed.posonlyargs, *listed.args, *listed.kwonlyargs]
    return [each for each in every if each.arg not in ("self", "cls")]


def prose(source: Source) -> set[int]:
    """The lines, not blank, that are in a docstring or have a comment."""
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    nodes = [node for node in ast.walk(source.tree) if isinstance(node, kinds)]
    documented = chain.from_iterable(map(docstring_lines, nodes))
    tokens = tokenize.generate_tokens(io.StringIO(source.text).readline)
    comments = {each.start[0] for each in tokens if each.type == tokenize.COMMENT}
    lines = source.lines
    return {n for n in {*documented, *comments} if lines[n - 1].strip()}


def docstring_lines(node: ast.Module | ast.ClassDef | Function) -> set[int]:
    if ast.get_docstring(node, clean=False) is None:
        return set()
    return {*range(node.body[0].lineno, (node.body[0].end_lineno or 0) + 1)}


def traps(source: Source) -> list[str]:
    """The yields that can suspend a thread: those that an await arrives at.

    They are in a generator that is made a coroutine, or in an `__await__`.
    """
    return [
        function.name
        for function in source.functions
        if function.name == "__await__"
        or any(ast.unparse(d).endswith("coroutine") for d in function.decorator_list)
        for node in ast.walk(function)
        if isinstance(node, ast.Yield | ast.YieldFrom)
    ]


# What is longest, and what it is named for.


def longest(found: Sequence[Source]) -> dict[str, int]:
    """Modules and functions that are long enough to need a reason, longest first."""
    sizes = {}
    for source in found:
        name = source.path.relative_to(ROOT).as_posix()
        if len(source.lines) > LONG_MODULE:
            sizes[name] = len(source.lines)
        for function in source.functions:
            if length(function) > LONG_FUNCTION:
                sizes[f"{name}:{function.name}"] = length(function)
    return dict(sorted(sizes.items(), key=lambda each: (-each[1], each[0])))


def is_named_for_the_kernels(source: Source) -> bool:
    """Does its docstring say that Linux has a file of that name?  (pgtable*.h, too)"""
    said = re.search(r"^Linux: (.*?)(?:\n\n|\Z)", docstring(source), re.M | re.S)
    names = re.findall(r"([\w*]+)\.[ch]\b", said[1]) if said else []
    return any(fnmatchcase(source.path.stem, name) for name in names)


def docstring(source: Source) -> str:
    return ast.get_docstring(source.tree) or ""


# Designs beside what they evolve from.


@frozen
class DesignFigures:
    """A module of kmm/designs, and what `kmm diff BASE NAME` counts."""

    question: str
    name: str
    base: str
    lines: int  # of the module
    modified: Mapping[str, int]  # lines taken out and put in, by the function
    added: Mapping[str, int]  # lines of functions that the base does not have

    def row(self) -> str:
        changed, added = in_words(self.modified), in_words(self.added)
        name = f"`{self.name}`, beside `{self.base}`"
        return f"| {self.question} | {name} | {self.lines} | {changed} | {added} |\n"


def in_words(lines: Mapping[str, int]) -> str:
    return ", ".join(f"`{name}` {count}" for name, count in lines.items())


def designs() -> list[DesignFigures]:
    sizes = {
        ast.get_docstring(source.tree, clean=False): len(source.lines)
        for source in room_sources("designs")
    }
    answers = chain.from_iterable(each.values() for each in QUESTIONS.values())
    return [
        design_figures(answer, answer.base, sizes[answer.story])
        for answer in answers
        if answer.base is not None
    ]


def design_figures(answer: Answer, base: Answer, lines: int) -> DesignFigures:
    diffs = function_diffs(base, answer)
    return DesignFigures(
        question=answer.question,
        name=answer.name,
        base=base.name,
        lines=lines,
        modified={d.function: lines_changed(d) for d in diffs if all(d.files)},
        added={d.function: lines_changed(d) for d in diffs if not d.files[0]},
    )


def lines_changed(diff: FunctionDiff) -> int:
    return sum(line[0] in "+-" for line in diff.lines)


# What is said of it.


def anchors() -> str:
    model = [source for room in KERNEL_ROOMS for source in room_sources(room)]
    head = (
        "| code base | files | lines | lines of a file: median / p90 / longest "
        "| lines of a function: median / p90 / longest | prose "
        "| parameters annotated | public functions with a docstring |\n"
        "| --- | --- | --- | --- | --- | --- | --- | --- |\n"
    )
    ours = [
        figures(every_source()).row("**kmm**"),
        figures(model).row("kmm, its kernel: mm, fs, kernel"),
        *(figures(room_sources(room)).row(f"`{room}`") for room in rooms.rooms()),
    ]
    return "".join([head, ANCHORS, *ours])


def every_source() -> list[Source]:
    return [source for room in rooms.rooms() for source in room_sources(room)]


def room_sources(room: str) -> tuple[Source, ...]:
    return sources(ROOT / "kmm" / room)


def habits() -> str:
    changed = spread(chain.from_iterable(each.modified.values() for each in designs()))
    named = counted(kernel_modules(), is_named_for_the_kernels)
    rows = (
        (
            "lines changed in a function that a design changes, median",
            "consensus-specs: 5 to 12, by fork",
            f"{changed.median:.0f}; at most {changed.longest}",
        ),
        (
            "places where a thread can be suspended",
            "trio: one module of traps",
            f"{len(suspending())}: `{'`, `'.join(suspending())}`",
        ),
        (
            "imports against the order of reading",
            "EELS and harlequin: none, by lint",
            "none, by import-linter",
        ),
        (
            "lines of tests for each line of code",
            "posting 0.2, harlequin 0.7, trio 0.9, h11 1.1, hypothesis 1.2, simpy 1.4, "
            "attrs 2.0",
            f"{tests_for_each_line():.1f}",
        ),
        (
            "modules of mm, fs and kernel that are named for the kernel's file",
            "",
            f"{named.some} of {named.every}",
        ),
    )
    head = "| measure | theirs | ours |\n| --- | --- | --- |\n"
    return head + "".join(f"| {' | '.join(row)} |\n" for row in rows)


def kernel_modules() -> list[Source]:
    every = [source for room in KERNEL_ROOMS for source in room_sources(room)]
    return [source for source in every if source.path.name != "__init__.py"]


def suspending() -> list[str]:
    return [name for source in every_source() for name in traps(source)]


def tests_for_each_line() -> float:
    return lines_below(ROOT / "tests") / lines_below(ROOT / "kmm")


def lines_below(directory: Path) -> int:
    paths = directory.rglob("*.py")
    return sum(len(path.read_text(encoding="utf-8").splitlines()) for path in paths)


def reasons() -> str:
    sizes = longest(every_source())
    head = "| what | lines | why |\n| --- | --- | --- |\n"
    return head + "".join(
        f"| `{name}` | {size} | {REASONS.get(name, '')} |\n"
        for name, size in sizes.items()
    )


def changes() -> str:
    head = (
        "| question | answer | lines of its module | changed | new |\n"
        "| --- | --- | --- | --- | --- |\n"
    )
    return head + "".join(each.row() for each in designs())


PARTS: dict[str, Callable[[], str]] = {
    "anchors": anchors,
    "habits": habits,
    "reasons": reasons,
    "changes": changes,
}


def everything() -> dict[str, Any]:
    found = every_source()
    taken = rooms.imports()
    return {
        "whole": asdict(figures(found)),
        "rooms": {room: asdict(figures(room_sources(room))) for room in taken},
        "imports": {room: sorted(taken[room]) for room in taken},
        "longest": longest(found),
        "traps": suspending(),
        "named for the kernel's file": asdict(
            counted(kernel_modules(), is_named_for_the_kernels)
        ),
        "designs": [asdict(each) for each in designs()],
        "lines of tests for each of code": round(tests_for_each_line(), 3),
    }


def main(arguments: Sequence[str] | None = None) -> str:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("directory", nargs="?", type=Path, help="another code base")
    parser.add_argument("--json", action="store_true", help="everything, exactly")
    parser.add_argument(
        "--markdown", nargs="?", const="all", choices=("all", *PARTS), metavar="PART"
    )
    options = parser.parse_args(arguments)
    if options.directory:
        return figures(sources(options.directory)).row(options.directory.name)
    if options.json:
        return json.dumps(everything(), indent=2) + "\n"
    if options.markdown in PARTS:
        return PARTS[options.markdown]()
    if options.markdown:
        return "\n".join(part() for part in PARTS.values())
    return anchors()


if __name__ == "__main__":
    sys.stdout.write(main())
