"""A recording as JSON, and back: a submission's run, for who must not run it.

A judge makes the run and sends this; the screen shows it.  Most of a moment is as it
was a step before, so each value is sent once, in a table, and named by its place there.

What comes back may be from a judge that was taken over.  So it is built by the types of
the fields of `Recording`, and of what they hold: nothing else can come of it, no text
in it can draw anything, and no class is named by what was sent.
"""

from __future__ import annotations

import typing
from collections.abc import Mapping
from functools import cache
from types import NoneType, UnionType
from typing import Any, Literal, NewType, TypeGuard, Union, cast

from attrs import AttrsInstance, define, field, fields, has

from ..mm.observe import State
from ..sim.recording import Moment, Recording, Step

MOST = 400_000  # values in a table
# Fields that may hold anything, and what they hold in a recording of the kernel.
ANYTHING: Mapping[tuple[type, str], Any] = {
    (Moment, "state"): State,
    (Step, "before"): object,
    (Step, "after"): object,
}


class NoRecording(Exception):
    """What was sent is none; the message says in which way."""


# To JSON.


@define
class Table:
    """Values, each once; a list of places stands for a tuple, or for a class."""

    values: list[Any] = field(factory=list)
    places: dict[Any, int] = field(factory=dict)  # by type and value
    known: dict[int, tuple[object, int]] = field(factory=dict)  # by identity

    def place(self, value: Any) -> int:
        """Where a value is.  Those that are one object are looked at once."""
        if id(value) in self.known:
            return self.known[id(value)][1]
        plain = self.plain(value)
        key = (type(value), tuple(plain) if isinstance(plain, list) else plain)
        if key not in self.places:
            self.places[key] = len(self.values)
            self.values.append(plain)
        self.known[id(value)] = value, self.places[key]
        return self.places[key]

    def plain(self, value: Any) -> Any:
        if is_record(value):
            return [self.place(getattr(value, f.name)) for f in fields(type(value))]
        if isinstance(value, tuple):
            return [self.place(one) for one in value]
        return value


def is_record(value: object) -> TypeGuard[AttrsInstance]:
    return has(type(value))


def to_plain(recording: Recording) -> list[Any]:
    """The table of a recording, which is the last value in it."""
    table = Table()
    table.place(recording)
    return table.values


# And back.


def from_plain(values: object) -> Recording:
    """The recording of a table.  Raises NoRecording."""
    if not isinstance(values, list) or not 0 < len(values) <= MOST:
        raise NoRecording("no table of values")
    try:
        found = cast("Recording", Builder(values).build(len(values) - 1, Recording))
    except (TypeError, ValueError, LookupError, RecursionError) as error:
        raise NoRecording(f"{type(error).__name__}: {error}") from None
    check_whole(found)
    return found


@define
class Builder:
    """Builds each value once for each type that it is wanted as."""

    values: list[Any]
    built: dict[tuple[int, Any], Any] = field(factory=dict)

    def build(self, place: object, wanted: Any) -> Any:
        """Raises NoRecording, and what Python raises of a table that is none."""
        if type(place) is not int or not 0 <= place < len(self.values):
            raise NoRecording(f"there is no value {place!r}")
        if (place, wanted) not in self.built:
            self.built[place, wanted] = self.made(place, wanted)
        return self.built[place, wanted]

    def made(self, place: int, wanted: Any) -> Any:
        value = self.values[place]
        if isinstance(value, list) and any(
            type(one) is not int or one >= place for one in value
        ):
            raise NoRecording(f"value {place} is made of what comes after it")
        if isinstance(wanted, NewType):
            return self.build(place, wanted.__supertype__)
        if wanted is object:
            return self.anything(value)
        if has(wanted):
            types_of = fields_of(wanted)
            return wanted(*(self.build(*p) for p in zip(value, types_of, strict=True)))
        match typing.get_origin(wanted):
            case origin if origin in (UnionType, Union):
                return self.one_of(place, typing.get_args(wanted))
            case origin if origin is Literal:
                return chosen(value, typing.get_args(wanted))
            case origin if origin is tuple:
                return self.tuple_of(value, typing.get_args(wanted))
        return scalar(value, wanted)

    def tuple_of(self, value: list[int], wanted: tuple[Any, ...]) -> tuple[Any, ...]:
        if wanted[1:] == (...,):
            wanted = wanted[:1] * len(value)
        return tuple(self.build(*pair) for pair in zip(value, wanted, strict=True))

    def one_of(self, place: int, wanted: tuple[Any, ...]) -> Any:
        """None, or the other type: there is no union here but `X | None`."""
        if self.values[place] is None and NoneType in wanted:
            return None
        return self.build(place, next(one for one in wanted if one is not NoneType))

    def anything(self, value: Any) -> Any:
        """A plain value: the steps of a recording hold no others."""
        if isinstance(value, list):
            return tuple(self.build(place, object) for place in value)
        return None if value is None else scalar(value, type(value))


@cache
def fields_of(record: type[AttrsInstance]) -> tuple[Any, ...]:
    """The types of its fields, in order."""
    hints = typing.get_type_hints(record)
    return tuple(
        ANYTHING.get((record, each.name), hints[each.name]) for each in fields(record)
    )


def chosen(value: Any, of: tuple[Any, ...]) -> Any:
    flat = [one for each in of for one in (typing.get_args(each) or (each,))]
    if value not in flat:
        raise NoRecording(f"{value!r} is not one of {flat}")
    return value


def scalar(value: Any, wanted: Any) -> Any:
    if wanted not in (int, str, bool) or type(value) is not wanted:
        raise NoRecording(f"{str(value)[:40]!r} is no {wanted}")
    if wanted is str and not value.isprintable():
        raise NoRecording("a text that is more than text")
    return value


def check_whole(recording: Recording) -> None:
    """What every reader of recordings relies on.  Raises NoRecording."""
    threads = range(len(recording.threads))
    steps, moments = recording.steps, recording.moments
    of_threads = all(
        len(moment.standing) == len(threads)
        and len(moment.about_to) == len(threads)
        and len(moment.blocked) == len(threads)
        and len(moment.held) == len(threads)
        and set(moment.able) <= set(threads)
        for moment in moments
    )
    if (
        not threads
        or len(moments) != len(steps) + 1
        or any(step.thread not in threads for step in steps)
        or [step.number for step in steps] != list(range(len(steps)))
        or not of_threads
    ):
        raise NoRecording("its steps and moments do not belong together")
