"""What decides how a run goes on, as one value that can be compared.

Two runs of a program that have come to the same state go on alike, however they came
to it.  A search that knows a state need not go on from there again
(`strategies.merging`).

The state is everything that the threads can reach: the structures that they share, and
of each thread the functions that it is in, how far it is in each, with all variables,
and what lies on their stacks of values besides (the place in a loop, the first operand
of a sum whose second is still being fetched).  Python shows a suspended coroutine's
variables and its stack to the garbage collector, and so to us (`gc.get_referents`).

Structures are numbered in the order in which they are found, so a state does not depend
on where in the computer's memory they are.  Contents that were seen before are stored
once and known by a number; a state is the row of these numbers.  It is no digest, so
states are never taken for equal by accident.  (The COLLAPSE mode of Holzmann, "State
compression in SPIN", SPIN workshop 1997, is the same idea.)

Nothing is left out because it seems unimportant, but for what classes call caches
(`CACHES`), and what they call tallies (`TALLIES`): numbers that say how often something
has happened, by which nothing is ever decided.  What cannot be compared raises
Unmergeable: a set of structures, whose order is an accident, or a structure of C with
contents that nobody shows.  Variables that are not used any more count too, so equal
states may be taken for different ones, never the reverse.  (True and 1 are the same
here, as they are to Python.)
"""

from __future__ import annotations

import gc
import sys
import types
from array import array
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterable, Iterator
from functools import cache, partial
from itertools import chain
from operator import attrgetter
from struct import Struct
from typing import Any

from .checkpoint import ATOMS, METHODS, fields_of, is_frozen, vars_of
from .trap import Op

State = bytes
Reader = Callable[[Any], Iterable[Any]]  # what a structure holds, in a fixed order

ATOM_TYPES = (*ATOMS, types.MethodDescriptorType)
FRAMES = (types.CoroutineType, types.GeneratorType)
SEQUENCES = (list, tuple, deque)
MAPPINGS = (dict, Counter, OrderedDict, defaultdict)
CONTAINERS = (*SEQUENCES, *MAPPINGS, set, frozenset, bytearray)
# Iterators that say what they go over, and how far they have come.
ITERATORS: tuple[type, ...] = (
    *(type(iter([])), type(iter(())), type(iter(range(0))), type(iter(""))),
    *(type(iter({})), type(iter({}.values())), type(iter({}.items()))),
    *(enumerate, zip, reversed, type(reversed([]))),
)


MOST_CONSTANTS = 10_000  # that are remembered as such


class Unmergeable(TypeError):
    """Something that a thread can reach cannot be compared with what it was."""


class Reference:
    """A structure of a state, by the place at which it was found."""

    __slots__ = ()


class States:
    """Makes states, each of which can be compared with the others that it made."""

    def __init__(self) -> None:
        self.contents: dict[tuple[Any, ...], int] = {}  # each with its number
        self.atoms: set[type] = set()  # classes whose instances are what they say
        self.constants: dict[int, object] = {}  # by id: what never changes
        self.readers: dict[type, Reader] = {}
        self.references = [Reference()]

    def of(self, roots: Iterable[object]) -> State:
        """The state of all that can be reached from `roots`.  Raises Unmergeable."""
        found: list[Any] = [tuple(roots)]
        places: dict[int, Reference] = {}  # by id, which nobody else has meanwhile
        contents, atoms, readers = self.contents, self.atoms, self.readers
        references = self.references
        state = array("I")
        for one in found:  # which grows until all is found
            kind = type(one)
            row: list[Any] = [kind]
            for value in (readers.get(kind) or self._learn(kind))(one):
                if type(value) in atoms:
                    row.append(value)
                    continue
                place = places.get(id(value))
                if place is None:
                    if self._is_atom(value):
                        row.append(value)
                        continue
                    if len(found) == len(references):
                        references.append(Reference())
                    place = places[id(value)] = references[len(found)]
                    found.append(value)
                row.append(place)
            state.append(contents.setdefault(tuple(row), len(contents)))
        return state.tobytes()

    def _is_atom(self, value: object) -> bool:
        """Whether a value says all about itself, or can only stay what it is."""
        if id(value) in self.constants:
            return True
        kind = type(value)
        if issubclass(kind, ATOM_TYPES):
            self.atoms.add(kind)
            return True
        if not is_constant(value):
            return False
        if len(self.constants) == MOST_CONSTANTS:
            self.constants.clear()
        self.constants[id(value)] = value  # and so nobody else gets its id
        return True

    def _learn(self, kind: type) -> Reader:
        """How to read a class that was not met before."""
        reader = self.readers[kind] = reader_for(kind)
        return reader


def is_constant(value: object) -> bool:
    """Whether a value, and all that it refers to, can only stay what it is."""
    if isinstance(value, ATOM_TYPES) or type(value) is object:  # a mark
        return True
    if isinstance(value, types.FunctionType):
        return value.__closure__ is None and is_constant(value.__defaults__)
    if isinstance(value, tuple):
        return all(map(is_constant, value))
    kind: Any = type(value)
    if issubclass(kind, Op) or not is_frozen(kind) or hasattr(value, "__dict__"):
        return False
    return all(is_constant(getattr(value, name, None)) for name in fields_of(kind))


# What structures hold.


def reader_for(kind: type) -> Reader:
    """How to read the instances of a class.  Raises Unmergeable."""
    if issubclass(kind, FRAMES):
        return read_frame
    if issubclass(kind, ITERATORS):
        return read_iterator
    if issubclass(kind, METHODS):
        return attrgetter("__name__", "__self__")
    if kind is types.FunctionType:
        return read_function
    if kind is types.CellType:
        return read_cell
    if kind is partial:
        return attrgetter("func", "args", "keywords")
    if kind is Struct:
        return attrgetter("format", "size")
    container = read_container(kind)
    if container is None or kind not in CONTAINERS:
        instance = read_instance(kind)
        if container is None:
            return instance
        return lambda one: chain(container(one), instance(one))
    return container


def read_frame(coroutine: Any) -> list[Any]:
    """The code that it is in, how far, its variables, and its stack of values."""
    frame = getattr(coroutine, "cr_frame", None) or getattr(coroutine, "gi_frame", None)
    if frame is None:
        return [None]  # it has ended
    shown = gc.get_referents(coroutine)
    # Before the function: the name, and the frame itself, for those who look at it.
    begin = next(i for i, one in enumerate(shown) if type(one) is types.FunctionType)
    # A variable that is not set yet has no value; its name tells which that is.
    return [id(frame.f_code), frame.f_lasti, *frame.f_locals, *shown[begin + 2 :]]


def read_iterator(iterator: Any) -> Iterator[Any]:
    """What it goes over, and how far it has come."""
    how, what, *state = iterator.__reduce__()
    return chain((how,), what, state)


def read_function(function: Any) -> list[Any]:
    """Its code, and what it has closed over."""
    cells = function.__closure__ or ()
    return [
        id(function.__code__),
        function.__defaults__,
        function.__kwdefaults__,
        *cells,
    ]


def read_cell(cell: Any) -> list[Any]:
    try:
        return [cell.cell_contents]
    except ValueError:
        return []  # a variable that is not set yet


def read_container(kind: type) -> Reader | None:
    """How to read what it contains; None if it is no container."""
    if issubclass(kind, SEQUENCES):
        return iter
    if issubclass(kind, MAPPINGS):
        return lambda one: chain.from_iterable(one.items())
    if issubclass(kind, set | frozenset):
        return read_set
    if issubclass(kind, bytearray):
        return lambda one: (bytes(one),)
    return None


def read_set(found: Any) -> list[Any]:
    """In an order of its own, which a set has none of."""
    try:
        if all(isinstance(one, int | str | tuple) for one in found):
            return sorted(found)
    except TypeError:
        pass
    raise Unmergeable(f"a set of structures has no order: {found!r}")


def read_instance(kind: type) -> Reader:
    """How to read the fields of a class that is written in Python."""
    for base in kind.__mro__:
        if base is not object and base not in CONTAINERS and not is_python(base):
            raise Unmergeable(f"nobody shows what a {base.__qualname__} holds")
    tallies = tallies_of(kind)
    names = [name for name in fields_of(kind) if name not in tallies]

    def in_slots(one: Any) -> list[Any]:
        return [getattr(one, name, None) for name in names]

    def in_dict(one: Any) -> Iterable[Any]:
        items = vars_of(one).items()
        return chain.from_iterable(item for item in items if item[0] not in tallies)

    if not any("__dict__" in vars(base) for base in kind.__mro__):
        return in_slots
    return lambda one: chain(in_slots(one), in_dict(one))


@cache
def tallies_of(kind: type) -> frozenset[str]:
    return frozenset(getattr(kind, "TALLIES", ()))


def is_python(base: type) -> bool:
    """Whether a class comes from a module that is written in Python."""
    module = sys.modules.get(base.__module__)
    return (getattr(module, "__file__", None) or "").endswith(".py")
