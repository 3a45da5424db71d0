"""The source tree of the site: all its pages in a folder, and the sidebar.

A document of docs/ that no part of the sidebar names stands in the last one, so a new
one is on the site as soon as it is written.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from kmm.course import parts

from .chapters import chapters
from .designs import designs
from .exercises import exercises_page
from .glossary import glossary_page
from .links import files_of, page_of, place_of, retargeted
from .names import ROOT, modules
from .prose import linked
from .races import matrix_page
from .reference import children, reference

# The sidebar: titles, and the pages below them.
HOW_TO = ("for-students", "for-teachers", "for-authors", "for-hackers")
SIDEBAR: Mapping[str, tuple[str, ...]] = {
    "How to": ("installing", "web", *HOW_TO, "textbook", "classroom", "contributing"),
    "Use it from elsewhere": ("python", "exports"),
    "Races and answers": ("matrix", "races", "designs/index", "history"),
    "The model": ("modelled", "hardware", "memory", "programs"),
    "Measuring": ("explorer", "stress", "benchmarks"),
    "Reading the code": ("reading-guide", "design", "reference/index"),
    "Around": ("glossary", "security", "changelog"),
}
REST = "More"


def write_tree(folder: Path) -> int:
    """All pages, into an empty folder; returns how many there are."""
    pages = {**documents(), **generated()}
    for name, text in pages.items():
        path = folder / f"{name}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    for source in attachments():
        place = folder / place_of(source.relative_to(ROOT).as_posix())
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, place)
    return len(pages)


def documents() -> dict[str, str]:
    """The pages that are documents of the repository."""
    pages = {}
    for path in document_paths():
        text = (ROOT / path).read_text(encoding="utf-8")
        pages[str(page_of(path))] = linked(retargeted(text, path))
    pages["index"] += sidebar(pages)
    return pages


def document_paths() -> list[str]:
    found = sorted(p.relative_to(ROOT).as_posix() for p in (ROOT / "docs").glob("*.md"))
    return [*found, "CONTRIBUTING.md", "CHANGELOG.md"]


def attachments() -> Iterator[Path]:
    """Pictures, and other files that documents link to."""
    for path in document_paths():
        yield from files_of((ROOT / path).read_text(encoding="utf-8"), path)


def generated() -> dict[str, str]:
    """The pages that are made of the program."""
    pages = {
        "matrix": matrix_page(),
        "exercises": exercises_page(),
        "glossary": glossary_page(),
        **chapters(),
        **designs(),
        **reference(),
    }
    pages["lessons/index"] += "".join(
        toctree([lesson.name for lesson in part.lessons], part.title)
        for part in parts()
    )
    pages["designs/index"] += toctree(
        ["kernels", *(name.split("/")[1] for name in designs() if "-" in name)]
    )
    pages["reference/index"] += toctree(
        [module.name for module in children(modules()[0])]
    )
    return pages


def sidebar(pages: Iterable[str]) -> str:
    named = {"index", *(page for below in SIDEBAR.values() for page in below)}
    rest = [page for page in pages if page not in named]
    parts_of_it = {
        "The textbook": ("lessons/index", "exercises"),
        **SIDEBAR,
        REST: tuple(rest),
    }
    return "".join(toctree(below, title) for title, below in parts_of_it.items())


def toctree(names: Iterable[str], caption: str = "") -> str:
    names = list(names)
    if not names:
        return ""
    options = [":hidden:", *([f":caption: {caption}"] if caption else [])]
    return "\n".join(["", ":::{toctree}", *options, "", *names, ":::", ""])
