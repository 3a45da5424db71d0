"""The matrix of every race on every kernel, and a section for each race.

The verdicts are those of docs/races.md, which are what `kmm matrix --markdown` prints:
to search them again takes minutes, and the tests hold that table to the model.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from kmm.course import lessons
from kmm.course.lesson import Lesson, Motion, Toggle
from kmm.designs import KERNELS
from kmm.scenarios import RACES, Race

from .names import ROOT
from .prose import from_docstring, linked

ROW = re.compile(r"^\| `(?P<race>[\w-]+)` \| (?P<cells>[SN] \d.*) \|[^|]*\|$", re.M)

LEGEND = """\
**S** n: *Sometimes*; some run fails, and the shortest found has n context switches.
N n: *Never*; proved by n executions, which cover every interleaving within the bounds.
"""


def matrix_page() -> str:
    found = verdicts()
    chunks = [
        "# The matrix",
        "Each race, on each kernel: who loses to what.\n"
        "`kmm matrix` searches all of it again, in some minutes; "
        "[The races](races.md) says what was not known before, and what a proof is "
        "bounded by.",
        LEGEND,
        table(found),
        "Which answers a kernel has is in [Kernels](designs/kernels.md); a few races "
        "insist on one of their own, and say so below.",
    ]
    for race in RACES.values():
        chunks += section(race, found[race.name])
    return "\n\n".join(chunks) + "\n"


def verdicts() -> Mapping[str, Mapping[str, str]]:
    """Each race's cells, by kernel."""
    text = (ROOT / "docs" / "races.md").read_text(encoding="utf-8")
    return {
        row["race"]: dict(zip(KERNELS, row["cells"].split(" | "), strict=True))
        for row in ROW.finditer(text)
    }


def table(found: Mapping[str, Mapping[str, str]]) -> str:
    heads = " | ".join(KERNELS)
    lines = [f"| race | {heads} |", f"| --- |{' --- |' * len(KERNELS)}"]
    for name in RACES:
        cells = " | ".join(shown(found[name][kernel]) for kernel in KERNELS)
        lines.append(f"| [{name}](#{name}) | {cells} |")
    return "\n".join(lines)


def shown(cell: str) -> str:
    """A cell that keeps together; where a run fails it is not told by colour alone."""
    text = cell.replace(" ", "\N{NO-BREAK SPACE}")
    return f"[**{text}**]{{.fails}}" if cell.startswith("S") else text


def section(race: Race, cells: Mapping[str, str]) -> Iterator[str]:
    yield f"## {race.name}"
    yield f"{race.title[0].upper()}{race.title[1:]}. *{race.asks}*"
    yield from_docstring(race.story, "kmm.mm")
    yield linked(f"Watch: {race.watch}", "kmm.mm")
    yield "\n".join(f"- thread {n}: {what}" for n, what in enumerate(race.threads))
    if race.sets:
        sets = ", ".join(f"`{q}={answer}`" for q, answer in race.sets.items())
        yield f"With {sets}, on every kernel."
    yield from how_to_see(race.name, cells)
    taught = [lesson for lesson in lessons() if race.name in races_of(lesson)]
    if taught:
        links = ", ".join(f"[{one.title}](lessons/{one.name}.md)" for one in taught)
        yield f"In the textbook: {links}."


def how_to_see(race: str, cells: Mapping[str, str]) -> Iterator[str]:
    """One kernel on which it fails, and one on which it does not."""
    losing = [kernel for kernel, cell in cells.items() if cell.startswith("S")]
    holding = [kernel for kernel, cell in cells.items() if cell.startswith("N")]
    if losing:
        yield f"Fails on {', '.join(losing)}: `kmm hunt {race} --kernel {losing[0]}`"
    if holding:
        yield (
            f"Proved on {', '.join(holding)}: `kmm prove {race} --kernel {holding[-1]}`"
        )


def races_of(lesson: Lesson) -> set[str]:
    motions = {motion.race for motion in lesson.blocks(Motion)}
    return motions | {toggle.race for toggle in lesson.blocks(Toggle)}
