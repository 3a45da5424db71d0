"""The reader's files, which the browser keeps from one visit to the next.

kmm reads and writes them as it does anywhere; the folder that they are in is gone when
the page is closed.  So what changes there is told to the page.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from attrs import define, field

from .page import Page

# Others there are for a moment, or of no use to anybody else.
KINDS = (".json", ".toml")


@define
class Kept:
    """A folder, and what the page knows of it: when each file was last changed."""

    folder: Path
    page: Page
    known: dict[str, int] = field(factory=dict)

    def bring_back(self, files: Mapping[str, str]) -> None:
        """Write what was kept, by its names below the folder."""
        for name, text in files.items():
            path = self.folder / name
            if path.resolve().is_relative_to(self.folder.resolve()):
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8")
                self.known[name] = path.stat().st_mtime_ns

    def tell(self) -> None:
        """Let the page keep what has changed."""
        for name, path, changed in self.files():
            if self.known.get(name) != changed:
                self.known[name] = changed
                self.page.keep(name, path.read_text(encoding="utf-8"))

    def files(self) -> Iterator[tuple[str, Path, int]]:
        for path in sorted(self.folder.rglob("*")):
            if path.suffix in KINDS and path.is_file():
                name = path.relative_to(self.folder).as_posix()
                yield name, path, path.stat().st_mtime_ns
