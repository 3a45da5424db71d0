"""A lesson from its files.

`lesson.md` begins with its title, abstract and needs, between two lines `+++`, as TOML.
Headings of the second level (`## The idea`) begin sections.  A fenced block with one of
these words is something that the reader does; all the rest is prose:

    ```code       a dotted name; on a second line `mark: `, part of a line of it
    ```predict    a question; lines `- wrong :: why` and one `+ right :: why`
    ```run        TOML: race, kernel, how
    ```toggle     TOML: race, and a table [expect] of kernels and verdicts
    ```console    `$ kmm ...`, and what that prints

`exercises.md` has the blocks of the last section.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from .lesson import (
    EXERCISES,
    HEADINGS,
    OPTIONAL,
    Block,
    Code,
    Console,
    Lesson,
    Motion,
    Option,
    Prose,
    Question,
    Section,
    Table,
    Toggle,
)

FRONT = re.compile(r"\A\+\+\+\n(?P<toml>.*?)^\+\+\+\n", re.S | re.M)
FENCE = re.compile(r"^```(?P<word>[\w-]*)\n(?P<body>.*?)^```$", re.S | re.M)
# A table; or a fenced block, which may look like one.
TABLE = re.compile(
    r"^```(?s:.*?)^```$|^(?P<rows>\|.*\n\| ?-.*\n(?:\|.*(?:\n|\Z))+)", re.M
)
HEADING = re.compile(r"^## (?P<heading>.+)\n", re.M)


class LessonError(Exception):
    """A lesson's files cannot be read as a lesson; the message says where and why."""


def read_lesson(folder: Path) -> Lesson:
    """The lesson in a folder.  Raises LessonError."""
    text = read(folder / "lesson.md")
    front = FRONT.match(text)
    if front is None:
        raise LessonError(f"{folder / 'lesson.md'}: does not begin with +++ and TOML")
    values = toml(front["toml"], folder / "lesson.md")
    body = text[front.end() :]
    sections = [*sections_of(body, folder / "lesson.md"), exercises(folder)]
    check_headings([section.heading for section in sections], folder)
    return Lesson(
        folder.name.replace("_", "-"),
        take(values, "title", folder),
        take(values, "abstract", folder),
        tuple(values.get("needs", ())),
        tuple(sections),
        folder,
    )


def exercises(folder: Path) -> Section:
    path = folder / "exercises.md"
    return Section(EXERCISES, tuple(blocks_of(read(path), path)))


def read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise LessonError(f"{path}: cannot be read: {error}") from None


def toml(text: str, path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise LessonError(f"{path}: not TOML: {error}: {text.strip()[:60]!r}") from None


def take(values: Mapping[str, Any], key: str, path: Path) -> str:
    value = values.get(key)
    if not isinstance(value, str) or not value.strip():
        raise LessonError(f"{path}: {key} is missing")
    return value


def sections_of(body: str, path: Path) -> Iterator[Section]:
    """What stands below each heading."""
    before, *rest = HEADING.split(body)
    if before.strip():
        raise LessonError(f"{path}: text before the first heading: {before[:40]!r}")
    for heading, text in zip(rest[::2], rest[1::2], strict=True):
        yield Section(heading.strip(), tuple(blocks_of(text, path)))


def check_headings(found: list[str], path: Path) -> None:
    """All that a lesson has to have, in order."""
    strange = [heading for heading in found if heading not in HEADINGS]
    missing = [h for h in HEADINGS if h not in found and h not in OPTIONAL]
    if strange or missing:
        raise LessonError(
            f"{path}: unknown headings {strange}, missing {missing}; "
            f"a lesson has {', '.join(HEADINGS)}"
        )
    if found != sorted(set(found), key=HEADINGS.index):
        raise LessonError(f"{path}: headings out of order, or twice: {found}")


def blocks_of(text: str, path: Path) -> Iterator[Block]:
    """Prose, and what stands between it."""
    at = 0
    for fence in FENCE.finditer(text):
        make = MAKERS.get(fence["word"])
        if make is None:  # a drawing, or lines of a file: prose like the rest
            continue
        yield from prose(text[at : fence.start()])
        yield make(fence["body"], path)
        at = fence.end()
    yield from prose(text[at:])


def prose(text: str) -> Iterator[Prose | Table]:
    """Prose, with its tables by themselves."""
    at = 0
    for table in TABLE.finditer(text):
        if table["rows"] is None:  # a drawing
            continue
        yield from paragraphs(text[at : table.start()])
        yield Table(table["rows"].strip("\n"))
        at = table.end()
    yield from paragraphs(text[at:])


def paragraphs(text: str) -> Iterator[Prose]:
    if text.strip():
        yield Prose(text.strip("\n"))


def code(body: str, path: Path) -> Code:
    name, _, rest = body.strip().partition("\n")
    if rest and not rest.startswith("mark: "):
        raise LessonError(f"{path}: below {name} stands {rest!r}, not `mark: ...`")
    return Code(name, rest.removeprefix("mark: "))


def question(body: str, path: Path) -> Question:
    asks: list[str] = []
    options: list[Option] = []
    for line in body.strip().splitlines():
        if not line.startswith(("- ", "+ ")):
            if options:
                raise LessonError(f"{path}: {line!r} stands below the options")
            asks.append(line)
            continue
        text, mark, why = line[2:].partition(" :: ")
        if not mark:
            raise LessonError(f"{path}: no ` :: ` and reason in the option {line!r}")
        options.append(Option(text.strip(), line[0] == "+", why.strip()))
    if sum(option.is_right for option in options) != 1 or len(options) < 2:
        raise LessonError(f"{path}: {asks[:1]} needs options, one of which is right")
    return Question("\n".join(asks), tuple(options))


def motion(body: str, path: Path) -> Motion:
    values = toml(body, path)
    race, kernel, how = (take(values, key, path) for key in ("race", "kernel", "how"))
    return Motion(race, kernel, how)


def toggle(body: str, path: Path) -> Toggle:
    values = toml(body, path)
    expected = values.get("expect")
    if not isinstance(expected, dict) or not expected:
        raise LessonError(f"{path}: a toggle needs a table [expect]")
    return Toggle(take(values, "race", path), tuple(expected.items()))


def console(body: str, path: Path) -> Console:
    prompt, _, output = body.partition("\n")
    if not prompt.startswith("$ "):
        raise LessonError(f"{path}: a console block begins with `$ `, not {prompt!r}")
    return Console(prompt[2:], output)


MAKERS: Mapping[str, Callable[[str, Path], Block]] = {
    "code": code,
    "predict": question,
    "run": motion,
    "toggle": toggle,
    "console": console,
}
