"""Where a link of a document leads on the site.

Documents are written for a reader of the repository: they link to each other, to
folders and to files of the model.  On the site a document is a page, a module is its
place in the reference, and any other file is there to be downloaded.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from .names import ROOT, inventory
from .prose import FENCED

TARGET = re.compile(r"(?<=\]\()(?P<target>[^)\s#]*)(?P<anchor>#[^)\s]*)?(?=\))")
OUTSIDE = ("http:", "https:", "mailto:")
FILES = "files"  # where on the site the files are that are no pages
# Documents that do not stand in docs/, or have another name there.
PAGES = {
    "README.md": "index",
    "CONTRIBUTING.md": "contributing",
    "CHANGELOG.md": "changelog",
    "lessons": "lessons/index",
    "kmm": "reference/index",
    "lessons/exercises": "exercises",
    "lessons/glossary.toml": "glossary",
}


class DeadLink(Exception):
    """A document links to what is not there; the message says which and where."""


def page_of(path: str) -> str | None:
    """The page of the site that stands for a file or folder of the repository."""
    if path in PAGES:
        return PAGES[path]
    where = PurePosixPath(path)
    if where.parts[:1] == ("docs",) and where.suffix == ".md":
        return below_docs(where.with_suffix(""))
    if where.parts[:1] == ("lessons",) and (ROOT / path / "lesson.md").is_file():
        return f"lessons/{where.name.replace('_', '-')}"
    module = ".".join(where.with_suffix("").parts)
    return f"reference/{module}" if module in inventory() else None


def below_docs(path: PurePosixPath) -> str:
    return path.relative_to("docs").as_posix()


def place_of(path: str) -> str:
    """Where a file of the repository is in the site's source tree."""
    page = page_of(path)
    if page is not None:
        return f"{page}.md"
    if path.startswith("docs/"):
        return below_docs(PurePosixPath(path))  # a picture
    return f"{FILES}/{path}"


def retargeted(text: str, document: str) -> str:
    """A document with its links turned; `document` is its path in the repository."""
    fences = [fence.span() for fence in FENCED.finditer(text)]
    here = PurePosixPath(place_of(document)).parent

    def turn(link: re.Match[str]) -> str:
        in_code = any(start <= link.start() < end for start, end in fences)
        if in_code or not link["target"] or link["target"].startswith(OUTSIDE):
            return link[0]
        place = place_of(repository_path(link["target"], document))
        return os.path.relpath(place, here) + (link["anchor"] or "")

    return TARGET.sub(turn, text)


def files_of(text: str, document: str) -> Iterator[Path]:
    """The files that a document links to and that are no pages."""
    for link in TARGET.finditer(FENCED.sub("", text)):
        if link["target"] and not link["target"].startswith(OUTSIDE):
            path = repository_path(link["target"], document)
            if page_of(path) is None:
                yield ROOT / path


def repository_path(target: str, document: str) -> str:
    """What a link stands for, from the root of the repository.  Raises DeadLink."""
    path = os.path.normpath(PurePosixPath(document).parent / target)
    if not (ROOT / path).exists():
        raise DeadLink(f"{document} links to {target}, and there is no {path}")
    return path
