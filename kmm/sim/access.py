"""Accesses to fields that other CPUs may touch at the same time.

Fields that one CPU may read while another writes them are touched only through
these functions.  Each announces the access and is a preemption point: the value is
read or stored at the moment at which the thread is next chosen.

There are three ways to touch a field:

- **marked**: what is lockless on purpose goes through `read_once` and its kin.  Today's
  kernel marks the same places with READ_ONCE and WRITE_ONCE.
- **announced**, but not marked: what some kernel touches without a lock and another
  under one goes through `read_plain`, `write_plain` and `modify_plain`.  In C it looks
  like any other access; here it is a preemption point, so that a run may show what
  comes of it.
- **not announced**: what a lock protects is read and stored as any Python attribute is,
  with no call to this module.  (So are, without a lock, most bits of `Page.flags`; see
  there.)

A marked access may meet another marked one.  Any other two that nothing orders, one of
them a store, are a data race, and reported as one (`sim.datarace`).

A field is named by its attrs description, much as C++ points to a member:

    VMA = attrs.fields(VmArea)
    end = await read_once(vma, VMA.vm_end)

so that a type checker knows what `end` is.
"""

from __future__ import annotations

from typing import Protocol, TypeVar

from attrs import Attribute

from .trap import READ, WRITE, Kind, Op, trap

T = TypeVar("T")


class Named(Protocol):
    """A structure that other CPUs can reach; no two in one run share a name."""

    @property
    def name(self) -> str: ...


class FieldOp(Op):
    """An access to one field of a structure, announced: a marked one.

    Of `PlainOp`, which is derived from it, all is true but the mark.
    Its key is made when somebody asks for it: of the steps that a search repeats,
    nobody does.
    """

    __slots__ = ("field", "struct")

    def __init__(self, kind: Kind, struct: Named, field: str) -> None:
        self.kind = kind
        self.struct = struct
        self.field = field

    def __getattr__(self, name: str) -> str:
        if name != "key":
            raise AttributeError(name)
        self.key = f"{self.struct.name}.{self.field}"
        return self.key

    def peek(self) -> object:
        return shown(getattr(self.struct, self.field))


def shown(value: object) -> object:
    """A value as it is at this moment: a structure by its name, a list as a tuple."""
    if isinstance(value, list):
        return tuple(shown(one) for one in value)
    return getattr(value, "name", value)


class PlainOp(FieldOp):
    """An access that is announced, but not marked."""

    __slots__ = ()


async def read_once(struct: Named, field: Attribute[T]) -> T:
    """Read one field, at one moment."""
    await trap(FieldOp(READ, struct, field.name))
    value: T = getattr(struct, field.name)
    return value


async def write_once(struct: Named, field: Attribute[T], value: T) -> None:
    """Store one field, at one moment."""
    await trap(FieldOp(WRITE, struct, field.name))
    setattr(struct, field.name, value)


async def read_plain(struct: Named, field: Attribute[T]) -> T:
    """Read one field, which some kernel does under a lock and another does not."""
    await trap(PlainOp(READ, struct, field.name))
    value: T = getattr(struct, field.name)
    return value


async def write_plain(struct: Named, field: Attribute[T], value: T) -> None:
    """Store one field, which some kernel does under a lock and another does not."""
    await trap(PlainOp(WRITE, struct, field.name))
    setattr(struct, field.name, value)


async def modify_plain(struct: Named, field: Attribute[T]) -> T:
    """As `write_plain`, for a list that is changed in place.

    Returns the list; change it before your next await.
    """
    await trap(PlainOp(WRITE, struct, field.name))
    value: T = getattr(struct, field.name)
    return value


async def modify_once(struct: Named, field: Attribute[T]) -> T:
    """As `write_once`, for a list that is kept by means of its own.

    Returns the list; change it before your next await.
    """
    await trap(FieldOp(WRITE, struct, field.name))
    value: T = getattr(struct, field.name)
    return value


async def atomic_add(struct: Named, field: Attribute[int], amount: int) -> int:
    """Add to a counter in one indivisible step, and return the sum."""
    await trap(FieldOp(WRITE, struct, field.name))
    total: int = getattr(struct, field.name) + amount
    setattr(struct, field.name, total)
    return total


async def atomic_add_unless(
    struct: Named, field: Attribute[int], amount: int, unless: int
) -> bool:
    """Add to a counter unless it has one certain value; say whether it was done."""
    await trap(FieldOp(WRITE, struct, field.name))
    count: int = getattr(struct, field.name)
    if count == unless:
        return False
    setattr(struct, field.name, count + amount)
    return True


async def atomic_cmpxchg(
    struct: Named, field: Attribute[int], expected: int, value: int
) -> bool:
    """Store a counter if it is as expected; say whether it was."""
    await trap(FieldOp(WRITE, struct, field.name))
    if getattr(struct, field.name) != expected:
        return False
    setattr(struct, field.name, value)
    return True


async def atomic_or(struct: Named, field: Attribute[int], mask: int) -> None:
    """Set all bits of `mask`, in one indivisible step."""
    await trap(FieldOp(WRITE, struct, field.name))
    flags: int = getattr(struct, field.name)
    setattr(struct, field.name, flags | mask)


async def atomic_andnot(struct: Named, field: Attribute[int], mask: int) -> None:
    """Clear all bits of `mask`, in one indivisible step."""
    await trap(FieldOp(WRITE, struct, field.name))
    flags: int = getattr(struct, field.name)
    setattr(struct, field.name, flags & ~mask)


async def set_bit(struct: Named, field: Attribute[int], number: int) -> None:
    """Set one bit of a mask, in one indivisible step."""
    await test_and_set_bit(struct, field, number)


async def clear_bit(struct: Named, field: Attribute[int], number: int) -> None:
    """Clear one bit of a mask, in one indivisible step."""
    await trap(FieldOp(WRITE, struct, field.name))
    mask: int = getattr(struct, field.name)
    setattr(struct, field.name, mask & ~(1 << number))


async def test_and_set_bit(struct: Named, field: Attribute[int], number: int) -> bool:
    """Set one bit of a mask, in one indivisible step; say whether it was set before."""
    await trap(FieldOp(WRITE, struct, field.name))
    mask: int = getattr(struct, field.name)
    setattr(struct, field.name, mask | 1 << number)
    return bool(mask >> number & 1)


async def atomic_inc_not_zero(struct: Named, field: Attribute[int]) -> bool:
    """Add one to a counter unless it is zero; say whether it was done."""
    await trap(FieldOp(WRITE, struct, field.name))
    count: int = getattr(struct, field.name)
    if count == 0:
        return False
    setattr(struct, field.name, count + 1)
    return True
