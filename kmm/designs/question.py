"""What a question is, and what an answer is.

A **question** is something for which history had rival answers.  An **answer** (a
design) is a frozen record of the functions in which it differs from the others, with
its story.  The model calls those functions through the kernel, as in

    await k.exec_stack.shift_arg_pages(k, vma, shift)

so that rival answers never meet in an `if`.  A module of answers reads from top to
bottom: the story, the functions it changes, whole, and the record.  What 2.6.34 does
stands in `mm` and `fs`; but what it does about `pte-peek` and `anon-vma-pin`, which no
named kernel has (`kernels`), stands here, with its record.

A function belongs to the question for whose sake it differs, whoever else calls it:
`k.exec_stack.move_ptes` is mremap's too.

A module is named for its tag.  The numbers are those that its letter has in history;
where one is not here, that answer has no code.  (`rmap_walk.locked_adjust` is no
answer, but a function that several share.)

To add an answer, in code (CONTRIBUTING.md, "Adding a design", has the tests and tables
as well):

1. Add each function that it changes, and that the question's `question.py` does not
   list, as a field there; fill it in the base record, and call it through the kernel
   everywhere.
2. If it needs a flag, a field or a lock, put that into `mm.mm_types`, and say there for
   which answer (VM_STACK_INCOMPLETE_SETUP, `VmArea.updating`,
   `Mm.anon_vma_chain_lock`).
3. Write the module: its story, the functions, whole, and the record made by `evolve`
   from that of its base.
4. Put the record into `ANSWERS` and `__all__` of the question's package.
"""

from __future__ import annotations

from types import FunctionType
from typing import Any, ClassVar

from attrs import Attribute, fields, frozen


@frozen(kw_only=True)
class Answer:
    """One answer to a question; each question adds its functions as fields."""

    question: ClassVar[str]  # its name, e.g. "exec-stack"
    asks: ClassVar[str]  # the question in one sentence

    name: str
    title: str  # one line
    tag: str  # in the catalogue of fixes (kmm/__init__.py), e.g. "E7"
    source: str  # who and when, or the commit
    closes: str  # which race
    costs: str  # what it gives up
    story: str  # the module's docstring: `story=__doc__`
    base: Answer | None = None  # what it is best compared with

    def functions(self) -> dict[str, FunctionType]:
        """The functions of this answer, in reading order."""
        every: tuple[Attribute[Any], ...] = fields(type(self))
        found = ((a.name, getattr(self, a.name)) for a in every)
        return {name: f for name, f in found if isinstance(f, FunctionType)}

    def changed(self, other: Answer) -> list[str]:
        """The names of the functions that differ from another answer's."""
        theirs = other.functions()
        return [name for name, f in self.functions().items() if theirs[name] is not f]

    def helpers(self) -> dict[str, FunctionType]:
        """What else is in the modules of those of its functions that stand here.

        They call it, and nobody else does.
        """
        ours = self.functions()
        own = [f for f in ours.values() if f.__module__.startswith(__package__)]
        return {
            name: f
            for function in own
            for name, f in function.__globals__.items()
            if isinstance(f, FunctionType)
            and f.__module__ == function.__module__
            and name not in ours
        }
