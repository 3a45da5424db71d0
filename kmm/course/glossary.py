"""What the words of the course mean, a sentence each.

`glossary.toml` in a folder of lessons has them: `"term" = "sentence"`.  A folder need
not have one; where two explain the same term, this project's own sentence stands.
Called by `kmm lesson --glossary` and by the screen.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from ..scenarios.found import lesson_folders

FILE = "glossary.toml"


@cache
def glossary() -> dict[str, str]:
    """Every term with its sentence, in alphabetical order."""
    return read_glossary(lesson_folders())


def read_glossary(folders: Iterable[Path]) -> dict[str, str]:
    """The same, of these folders.  One that cannot be read has no terms."""
    found: dict[str, str] = {}
    for folder in folders:
        for term, sentence in terms_in(folder / FILE).items():
            found.setdefault(term, sentence)
    return dict(sorted(found.items(), key=lambda item: item[0].casefold()))


def terms_in(path: Path) -> dict[str, str]:
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {term: text for term, text in values.items() if isinstance(text, str)}


def explained(*terms: str) -> dict[str, str]:
    """Those of these terms that the glossary has, in this order."""
    words = glossary()
    return {term: words[term] for term in terms if term in words}
