"""All that can be reached from somewhere, kept as it is, to be put back later.

A checkpoint walks once over the objects that it finds from its root: through fields,
lists, dictionaries and sets, through what functions have closed over and what partial
calls and bound methods hold.  `restore` then gives every one of them the contents that
it had.  The objects themselves stay who they are, so whoever refers to them need not
know; objects made since are forgotten.

To be quick, it sorts what it finds: instances by their class, with a loop made for each
that stores just its fields; and containers by whether they were empty, as most are.

Nothing is put back in what does not change: numbers and strings, classes and modules,
frozen structures and operations.  Nor in fields that a class calls caches (`CACHES`):
what is in a cache is as true before as after.

What has begun to run cannot be put back: a coroutine that is found raises TypeError.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Iterable
from enum import Enum
from functools import cache, partial
from typing import Any

import attrs

from .trap import Op

ATOMS = (
    *(int, float, str, bytes, type(None), type, range, Enum),
    *(types.ModuleType, attrs.Attribute),
)
RUNNING = (types.CoroutineType, types.GeneratorType, types.AsyncGeneratorType)
METHODS = (types.MethodType, types.BuiltinMethodType)
CALLABLES = (types.FunctionType, *METHODS, partial)

Put = Callable[[], None]
Row = tuple[Any, ...]  # an instance, and the values of its fields


class Checkpoint:
    """What is reached from `root`, as it is now."""

    def __init__(self, root: object) -> None:
        found = reached(root)
        self.puts: list[Put] = [*puts_of_containers(found), *puts_of_instances(found)]

    def restore(self) -> None:
        """Put everything back."""
        for put in self.puts:
            put()


# The walk.


def reached(root: object) -> list[Any]:
    """Every object that can change or leads on, once, in the order of the walk."""
    seen: dict[int, object] = {}  # by id, which no other has while the object is here
    left: list[object] = [root]
    while left:
        found = left.pop()
        if isinstance(found, ATOMS) or id(found) in seen:
            continue
        if isinstance(found, RUNNING):
            raise TypeError(f"what has begun to run cannot be put back: {found!r}")
        seen[id(found)] = found
        left += reversed(next_to(found))
    return list(seen.values())


def next_to(found: object) -> list[object]:
    """What an object refers to."""
    if isinstance(found, list | tuple | set | frozenset):
        return list(found)
    if isinstance(found, types.FunctionType):
        closed_over = [cell.cell_contents for cell in found.__closure__ or ()]
        return [*closed_over, found.__defaults__, found.__kwdefaults__]
    if isinstance(found, METHODS):
        return [found.__self__]
    if isinstance(found, partial):
        return [found.func, found.args, found.keywords]
    contents = [*found, *found.values()] if isinstance(found, dict) else []
    in_slots = [getattr(found, name, None) for name in fields_of(class_of(found))]
    return [*contents, *in_slots, *vars_of(found).values()]


def vars_of(found: object) -> dict[str, object]:
    """The fields that an object keeps in a dictionary of its own, without caches."""
    kept = getattr(found, "__dict__", {})
    left_out = caches_of(class_of(found))
    return {k: v for k, v in kept.items() if k not in left_out} if left_out else kept


def class_of(found: object) -> Any:
    return type(found)


@cache
def fields_of(kind: type) -> tuple[str, ...]:
    """The fields that instances have in slots, without caches."""
    names: dict[str, None] = {}
    for base in reversed(kind.__mro__):
        slots = vars(base).get("__slots__", ())
        names.update(dict.fromkeys([slots] if isinstance(slots, str) else slots))
    left_out = {"__weakref__", "__dict__", *caches_of(kind)}
    return tuple(name for name in names if name not in left_out)


@cache
def caches_of(kind: type) -> frozenset[str]:
    return frozenset(getattr(kind, "CACHES", ()))


@attrs.frozen
class Frozen:
    """What frozen classes look like."""


@cache
def is_frozen(kind: type) -> bool:
    """Whether instances stay as they were made."""
    return issubclass(kind, Op) or kind.__setattr__ is Frozen.__setattr__


# What puts it back.


def puts_of_containers(found: Iterable[Any]) -> list[Put]:
    """For lists, dictionaries, sets and byte arrays."""
    empty: list[Any] = []
    by_slice: list[tuple[Any, Any]] = []
    by_update: list[tuple[Any, Any]] = []
    for one in found:
        if not isinstance(one, list | bytearray | dict | set):
            continue
        if not one:
            empty.append(one)
        elif isinstance(one, list | bytearray):
            by_slice.append((one, one[:]))
        else:
            by_update.append((one, dict(one) if isinstance(one, dict) else set(one)))
    return [
        partial(empty_all, empty),
        partial(fill_all, by_slice),
        partial(update_all, by_update),
    ]


def empty_all(containers: Iterable[Any]) -> None:
    for container in containers:
        if container:
            container.clear()


def fill_all(containers: Iterable[tuple[Any, Any]]) -> None:
    for container, contents in containers:
        container[:] = contents


def update_all(containers: Iterable[tuple[Any, Any]]) -> None:
    for container, contents in containers:
        container.clear()
        container.update(contents)


def puts_of_instances(found: Iterable[object]) -> list[Put]:
    """For everything that has fields."""
    rows: dict[tuple[type, tuple[str, ...]], list[Row]] = {}
    unset: list[tuple[object, str]] = []
    dictionaries: list[tuple[dict[str, object], dict[str, object], set[str]]] = []
    no_fields: list[dict[str, object]] = []
    for one in found:
        kind = class_of(one)
        if is_frozen(kind) or isinstance(one, CALLABLES):
            continue
        names = fields_of(kind)
        there = tuple(name for name in names if hasattr(one, name))
        unset += [(one, name) for name in names if name not in there]
        if there:
            values = [getattr(one, name) for name in there]
            rows.setdefault((kind, there), []).append((one, *values))
        if not hasattr(one, "__dict__"):
            continue
        if not one.__dict__:
            no_fields.append(one.__dict__)
        else:
            all_names = set(one.__dict__)
            dictionaries.append((one.__dict__, dict(vars_of(one)), all_names))
    return [
        *(partial(storing(names), instances) for (_, names), instances in rows.items()),
        partial(unset_all, unset),
        partial(restore_vars, dictionaries),
        partial(empty_all, no_fields),
    ]


@cache
def storing(names: tuple[str, ...]) -> Callable[[Iterable[Row]], None]:
    """A loop that stores fields by name: many times as quick as asking setattr."""
    values = [f"value_{number}" for number in range(len(names))]
    lines = [f"        one.{n} = {v}" for n, v in zip(names, values, strict=True)]
    source = ["def store(rows):", f"    for one, {', '.join(values)} in rows:", *lines]
    made: dict[str, Any] = {}
    exec("\n".join(source), made)  # noqa: S102  # of names that classes have
    store: Callable[[Iterable[Row]], None] = made["store"]
    return store


def unset_all(fields: Iterable[tuple[object, str]]) -> None:
    for one, name in fields:
        if hasattr(one, name):
            delattr(one, name)


def restore_vars(dictionaries: Iterable[tuple[Any, Any, set[str]]]) -> None:
    for fields, values, all_names in dictionaries:
        fields.update(values)
        if len(fields) != len(all_names):
            for name in fields.keys() - all_names:
                del fields[name]
