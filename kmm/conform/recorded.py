"""Files of recorded cases: read, recognised by what is in them, and gone through.

A file is JSON, plain or gzipped.  Nothing is taken on trust: whatever is wrong with it
or with one of its cases is said in one line, before any case is run.  `kmm conform`
reads the bytes (`read_bytes`), makes cases of them (`read_recorded`) and runs these
(`hold_against`); no kind of cases is named here.
"""

from __future__ import annotations

import json
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from attrs import define, field, frozen

Case = Mapping[str, Any]

GZIP = b"\x1f\x8b"
MOST_BYTES = 1 << 29  # of a file's text: half a GByte, ten times what is ever recorded


class NotRecorded(ValueError):
    """A file that does not hold recorded cases, or a case that is none."""


class Malformed(ValueError):
    """A case that cannot be run; the text says what is wrong with it."""


class Skip(Exception):
    """A case that is not held against the model; the text says why."""


@frozen
class Difference:
    """A case in which the model does otherwise than what was recorded."""

    case: int  # its place in the file; 0 is the first
    asked: str
    expected: str
    got: str


@frozen
class Kind:
    """A kind of recorded cases, and how to know it.

    `check` raises Malformed for a case that `hold` could not run.
    `hold` runs one case, and says what was asked, expected and got if that differs.
    It may raise Skip.
    """

    name: str
    keys: tuple[str, ...]  # of the file
    case_keys: tuple[str, ...]  # of its first case
    check: Callable[[Case], None]
    hold: Callable[[Case], tuple[str, str, str] | None]
    single: bool = False  # the whole file is one case

    def recognises(self, document: Mapping[str, Any]) -> bool:
        if not all(key in document for key in self.keys):
            return False
        return self.single or has_keys(document["cases"], self.case_keys)

    def cases(self, document: Mapping[str, Any]) -> list[Case]:
        return [document] if self.single else list(document["cases"])


def has_keys(cases: object, keys: Iterable[str]) -> bool:
    """Whether `cases` is a list whose first element has these keys."""
    if not isinstance(cases, list) or not cases or not isinstance(cases[0], dict):
        return False
    return all(key in cases[0] for key in keys)


@frozen
class Recorded:
    """A file that has been read."""

    file: str
    kind: Kind
    cases: list[Case]


@define
class Conformity:
    """How far the model agrees with a file."""

    file: str
    kind: str
    cases: int
    agreed: int = 0
    skipped: Counter[str] = field(factory=Counter)  # reason -> number of cases
    differences: list[Difference] = field(factory=list)
    interrupted: bool = False

    @property
    def done(self) -> int:
        return self.agreed + sum(self.skipped.values()) + len(self.differences)


def read_recorded(file: str, data: bytes, kinds: Iterable[Kind]) -> Recorded:
    """What is in a file, every case of it checked.  Raises NotRecorded."""
    document = parse(file, unpack(file, data))
    if not isinstance(document, dict):
        raise NotRecorded(f"{file!r} is JSON, but not an object with recorded cases")
    names = []
    for kind in kinds:
        if kind.recognises(document):
            return Recorded(file, kind, checked(file, kind, kind.cases(document)))
        names.append(kind.name)
    raise NotRecorded(
        f"{file!r} is JSON, but none of the kinds that kmm knows: {', '.join(names)}"
    )


def checked(file: str, kind: Kind, cases: list[Case]) -> list[Case]:
    """The same cases; raises NotRecorded if one is malformed."""
    for number, case in enumerate(cases):
        try:
            if not isinstance(case, dict):
                raise Malformed("it is not an object")
            kind.check(case)
        except Malformed as error:
            why = f"case {number} is malformed: {error}"
            raise NotRecorded(f"{file!r}: {why}") from None
    return cases


def read_bytes(file: str) -> bytes:
    """The bytes of a file, `-` being standard input.  Raises OSError."""
    with Path("/dev/stdin" if file == "-" else file).open("rb") as stream:
        return stream.read(MOST_BYTES)


def unpack(file: str, data: bytes) -> bytes:
    """The text of a file; gzip's data may have several members."""
    if not data.startswith(GZIP):
        return data
    text = b""
    while data.startswith(GZIP):
        member = zlib.decompressobj(wbits=31)
        try:
            text += member.decompress(data, MOST_BYTES)
        except zlib.error:
            raise NotRecorded(f"{file!r} is damaged: gzip cannot unpack it") from None
        if len(text) >= MOST_BYTES:
            raise NotRecorded(f"{file!r} is too large: half a GByte of text or more")
        if not member.eof:
            raise NotRecorded(f"{file!r} is cut off: its gzip data has no end")
        data = member.unused_data
    return text


def parse(file: str, text: bytes) -> object:
    try:
        return json.loads(text)
    except RecursionError:
        raise NotRecorded(f"{file!r} is nested too deeply to be read") from None
    except UnicodeDecodeError:
        raise NotRecorded(f"{file!r} is neither JSON nor gzip") from None
    except ValueError as error:
        raise NotRecorded(f"{file!r} is not JSON: {error}") from None


def hold_against(
    recorded: Recorded, progress: Callable[[Conformity], object]
) -> Conformity:
    """Run every case.  Ctrl-C ends it early; what was covered is reported."""
    found = Conformity(recorded.file, recorded.kind.name, len(recorded.cases))
    try:
        for number, case in enumerate(recorded.cases):
            try:
                differs = recorded.kind.hold(case)
            except Skip as reason:
                found.skipped[str(reason)] += 1
            else:
                if differs is None:
                    found.agreed += 1
                else:
                    found.differences.append(Difference(number, *differs))
            progress(found)
    except KeyboardInterrupt:
        found.interrupted = True
    return found
