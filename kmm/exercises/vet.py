"""What a submission that is code may say: lists of what is allowed, and nothing else.

A submission runs in the process that judges it, among the explorer and the checker, so
it must not reach them.  It is read as a syntax tree first, and refused before any of it
has run if it has anything that is not on these lists:

- at the top: a docstring, imports, functions, constants, and (for a design) one record
  made by `evolve`;
- imports: names of the model's own (OPEN_ROOMS), by `from kmm.mm.rmap import name`,
  each a function, a class or a constant that is defined there; and names for
  annotations, which are never evaluated;
- statements and expressions: NODES.  There is no class, no exception, no decorator, no
  `global`, no `yield`, no `del`;
- names that begin with no underscore;
- attributes that kmm's own kernel names somewhere (`readable`); and to store in, fields
  of its structures (`storable`).

A list of what is forbidden would have to think of everything.  An exercise may close
more (`Closed`): the answer itself, where the model has it.
"""

from __future__ import annotations

import ast
import importlib
from collections.abc import Callable, Iterator
from functools import cache
from importlib.resources import files
from types import FunctionType, GenericAlias
from typing import Any, NewType

from attrs import Attribute, evolve, field, fields, frozen

from ..designs import Answer
from ..mm.mm_types import AnonVma, AnonVmaChain, Mm, Page, VmArea
from .exercise import Complaint

LARGEST = 50_000  # characters
MOST_REFUSALS = 5  # that are told

# Rooms whose names may be imported.
OPEN_ROOMS = ("kmm.mm.", "kmm.fs.", "kmm.kernel.", "kmm.designs.")
OPEN_MODULES = ("kmm.hw.memory", "kmm.sim.access", "kmm.sim.failure")
# And what in them runs coroutines by itself, where no search would see their steps, or
# looks at the model from outside.
CLOSED_MODULES = (
    *("kmm.mm.boot", "kmm.mm.observe", "kmm.mm.audit", "kmm.mm.shared"),
    *("kmm.fs.audit", "kmm.fs.shared", "kmm.fs.proc", "kmm.kernel.process"),
)
OF_FAILURE = ("bug_on", "might_sleep")
# Modules that are for annotations only: a name of theirs is nothing when code runs.
FOR_ANNOTATIONS = ("__future__", "collections.abc", "typing", "kmm.hw.cpu")

BUILTINS = (
    *("abs", "all", "any", "bool", "bytes", "dict", "enumerate", "int", "isinstance"),
    *("len", "list", "max", "min", "range", "reversed", "set", "sorted", "str", "sum"),
    *("tuple", "zip"),
)

NODES: tuple[type[ast.AST], ...] = (
    *(ast.arguments, ast.arg, ast.keyword, ast.expr_context, ast.operator),
    *(ast.boolop, ast.unaryop, ast.cmpop, ast.comprehension, ast.withitem),
    *(ast.AsyncFunctionDef, ast.FunctionDef, ast.Return, ast.Assign, ast.AugAssign),
    *(ast.AnnAssign, ast.For, ast.While, ast.If, ast.With, ast.AsyncWith, ast.Assert),
    *(ast.Expr, ast.Pass, ast.Break, ast.Continue, ast.BoolOp, ast.BinOp, ast.UnaryOp),
    *(ast.Lambda, ast.IfExp, ast.Dict, ast.Set, ast.ListComp, ast.SetComp),
    *(ast.DictComp, ast.GeneratorExp, ast.Await, ast.Compare, ast.Call, ast.JoinedStr),
    *(ast.FormattedValue, ast.Constant, ast.Attribute, ast.Subscript, ast.Starred),
    *(ast.Name, ast.List, ast.Tuple, ast.Slice, ast.NamedExpr),
)
# Of those, what a number can be made with that fills memory in one step.
TOO_STRONG = (ast.Pow, ast.MatMult)

# Attributes that the kernel names, and a submission has no business with.  What is done
# to `memory` itself, and not by an EntryPointer, is seen by no search.
NOT_READABLE = frozenset(
    {
        *("send", "compile", "cache", "format", "format_map", "replace"),
        *("with_answer", "memory", "value"),
    }
)
STRUCTURES = (VmArea, Page, Mm, AnonVma, AnonVmaChain)
# Fields that tell structures apart, or that are locks: nobody stores there.
NOT_STORABLE = frozenset(
    {
        *("name", "pfn", "zone", "lock_bit", "own_lock", "cache", "mmap_sem"),
        *("page_table_lock", "anon_vma_chain_lock", "taken", "freed", "freed_after"),
        "notifiers",
    }
)


# Whether a name of a module that is open may not be imported all the same.
Closed = Callable[[str, str], bool]


def nothing_more(module: str, name: str) -> bool:
    """The usual `Closed`."""
    return False


@frozen
class Refusal:
    """Something that a submission may not say."""

    line: int
    why: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.why}"


@frozen
class Vetted:
    """A submission that may run, and what it is made of."""

    tree: ast.Module
    functions: tuple[str, ...]
    imported: dict[str, Any] = field(factory=dict)  # what its names mean
    record: dict[str, str] = field(factory=dict)  # a design's: field -> own function


class Refused(Complaint):
    """A submission that will not be run; the message says why, with lines."""

    def __init__(self, refusals: list[Refusal]) -> None:
        told = [str(one) for one in refusals[:MOST_REFUSALS]]
        more = len(refusals) - len(told)
        super().__init__("; ".join([*told, *([f"and {more} more"] if more else [])]))


def vet(text: str, is_closed: Closed = nothing_more) -> Vetted:
    """Look at all of a submission.  Nothing of it runs.  Raises Refused."""
    if len(text) > LARGEST:
        raise Refused([Refusal(1, f"more than {LARGEST:,} characters")])
    try:
        tree = ast.parse(text)
    except SyntaxError as error:
        raise Refused(
            [Refusal(error.lineno or 1, f"not Python: {error.msg}")]
        ) from None
    except (ValueError, RecursionError, MemoryError) as error:
        raise Refused([Refusal(1, f"cannot be read: {error}")]) from None
    inspector = Inspector(is_closed)
    try:
        refusals = list(inspector.module(tree))
    except RecursionError:
        raise Refused([Refusal(1, "nested too deeply to be read")]) from None
    if refusals:
        raise Refused(sorted(refusals, key=lambda one: one.line))
    return Vetted(
        tree, tuple(inspector.functions), inspector.imported, inspector.record
    )


class Inspector:
    """Goes over a tree once, and collects what there is to know of it."""

    def __init__(self, is_closed: Closed) -> None:
        self.is_closed = is_closed
        self.functions: list[str] = []
        self.imported: dict[str, Any] = {}
        self.record: dict[str, str] = {}

    def module(self, tree: ast.Module) -> Iterator[Refusal]:
        for node in tree.body:
            if isinstance(node, ast.ImportFrom):
                yield from self.imports(node)
            elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                self.functions.append(node.name)
                yield from inside(node)
            elif isinstance(node, ast.Assign) and is_record(node):
                yield from self.design(node)
            elif is_docstring(node) or is_constant(node):
                yield from inside(node)
            else:
                yield Refusal(
                    node.lineno,
                    "at the top there are only imports (`from kmm... import name`), "
                    "functions and constants",
                )

    def imports(self, node: ast.ImportFrom) -> Iterator[Refusal]:
        module = node.module or ""
        for alias in node.names:
            if alias.asname:
                yield Refusal(node.lineno, f"{alias.name} keeps its name: no `as`")
            elif node.level:
                yield Refusal(node.lineno, "imports say the whole name: kmm....")
            elif module in FOR_ANNOTATIONS:
                continue
            elif (module, alias.name) == ("attrs", "evolve"):
                self.imported["evolve"] = evolve_structure
            elif not is_open(module):
                yield Refusal(node.lineno, f"{module} is out of reach")
            elif self.is_closed(module, alias.name):
                yield Refusal(
                    node.lineno, f"{module}.{alias.name} has the answer: write your own"
                )
            else:
                yield from self.one_import(module, alias.name, node.lineno)

    def one_import(self, module: str, name: str, line: int) -> Iterator[Refusal]:
        found = getattr(importlib.import_module(module), name, None)
        if isinstance(found, GenericAlias):
            return  # of a type, as `RmapOne`: it is for annotations
        if not is_importable(found, module, name):
            yield Refusal(line, f"{module} has no {name} of its own to import")
        self.imported[name] = found

    def design(self, node: ast.Assign) -> Iterator[Refusal]:
        """`ANSWER = evolve(BASE, name="...", function=function, ...)`."""
        assert isinstance(node.value, ast.Call)
        if len(node.value.args) != 1 or not isinstance(node.value.args[0], ast.Name):
            yield Refusal(node.lineno, "the record is made by evolve from one other")
        for keyword in node.value.keywords:
            value = keyword.value
            if keyword.arg is None:
                yield Refusal(value.lineno, "the record names its fields")
            elif isinstance(value, ast.Name) and value.id in self.functions:
                self.record[keyword.arg] = value.id
            elif not isinstance(value, ast.Constant | ast.Name):
                yield Refusal(value.lineno, f"{keyword.arg} is a function or a text")


def inside(top: ast.AST) -> Iterator[Refusal]:
    """What is wrong in a statement, at any depth."""
    for node in ast.walk(top):
        line = getattr(node, "lineno", 1)
        if not isinstance(node, NODES) or isinstance(node, TOO_STRONG):
            yield Refusal(line, f"{type(node).__name__} is not for submissions")
        for name in names_in(node):
            if name.startswith("_"):
                yield Refusal(line, f"{name}: names begin with no underscore")
        if isinstance(node, ast.Attribute):
            yield from attribute(node)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from header(node)


def names_in(node: ast.AST) -> Iterator[str]:
    """The names that a node itself has, attributes aside."""
    if isinstance(node, ast.Name) and node.id != "__doc__":
        yield node.id
    elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        yield node.name
    elif isinstance(node, ast.arg):
        yield node.arg
    elif isinstance(node, ast.keyword):
        yield node.arg or "_"  # **: what it hands over cannot be seen here


def attribute(node: ast.Attribute) -> Iterator[Refusal]:
    if is_interrupt(node):
        return
    if isinstance(node.ctx, ast.Load):
        if node.attr not in readable():
            yield Refusal(node.lineno, f".{node.attr} is nothing that the kernel uses")
    elif node.attr not in storable():
        yield Refusal(node.lineno, f".{node.attr} is not a submission's to change")


def is_interrupt(node: ast.Attribute) -> bool:
    """`cpu.apic.send`: no coroutine is called `apic`, nor can one be put there."""
    on = node.value
    return node.attr == "send" and isinstance(on, ast.Attribute) and on.attr == "apic"


def header(node: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[Refusal]:
    if node.decorator_list:
        yield Refusal(node.lineno, f"{node.name} has a decorator")
    defaults = [*node.args.defaults, *(d for d in node.args.kw_defaults if d)]
    if not all(isinstance(one, ast.Constant) for one in defaults):
        yield Refusal(node.lineno, f"a default of {node.name} is no constant")


def is_docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def is_constant(node: ast.stmt) -> bool:
    """`NAME = 1`, or of constants and imported names: nothing that can change."""
    if not isinstance(node, ast.Assign | ast.AnnAssign) or node.value is None:
        return False
    plain = (
        ast.Constant,
        ast.Name,
        ast.Tuple,
        ast.UnaryOp,
        ast.BinOp,
        ast.expr_context,
    )
    operators = (ast.BitOr, ast.BitAnd, ast.Add, ast.Sub, ast.USub, ast.Invert)
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    return all(isinstance(one, ast.Name) for one in targets) and all(
        isinstance(one, (*plain, *operators)) for one in ast.walk(node.value)
    )


def is_record(node: ast.stmt) -> bool:
    return (
        isinstance(node, ast.Assign)
        and isinstance(node.value, ast.Call)
        and isinstance(node.value.func, ast.Name)
        and node.value.func.id == "evolve"
    )


def is_open(module: str) -> bool:
    if module in OPEN_MODULES:
        return True
    is_closed = f"{module}.".startswith(tuple(f"{one}." for one in CLOSED_MODULES))
    return module.startswith(OPEN_ROOMS) and not is_closed and is_module(module)


def is_module(name: str) -> bool:
    """Whether kmm has such a file.  (To import and see would run what is no module.)"""
    path = files("kmm").joinpath(*name.split(".")[1:])
    # kmm is never in a zip, so this is a Path, which `files` does not promise.
    return path.is_dir() or path.with_name(f"{path.name}.py").is_file()  # type: ignore[attr-defined]


def is_importable(found: Any, module: str, name: str) -> bool:
    """Whether something is the module's own, and leads nowhere else."""
    if module == "kmm.sim.failure":
        return name in OF_FAILURE
    if isinstance(found, FunctionType | type | NewType):
        return bool(found.__module__ == module)
    if isinstance(found, tuple):
        return all(isinstance(one, int | str | bytes | Attribute) for one in found)
    return isinstance(found, int | str | bytes | Answer)


@cache
def readable() -> frozenset[str]:
    """Attributes that some code of the kernel reads, calls or stores in."""
    found = {field.name for structure in STRUCTURES for field in fields(structure)}
    for room in OPEN_ROOMS:
        for text in sources(files("kmm").joinpath(room.split(".")[1]), room):
            nodes = ast.walk(ast.parse(text))
            found |= {node.attr for node in nodes if isinstance(node, ast.Attribute)}
    return frozenset(name for name in found - NOT_READABLE if not name.startswith("_"))


def sources(folder: Any, package: str) -> Iterator[str]:
    """The text of each module of a package that is open."""
    for path in folder.iterdir():
        name = package + path.name.removesuffix(".py")
        if path.is_dir():
            yield from sources(path, f"{name}.")
        elif path.name.endswith(".py") and name not in CLOSED_MODULES:
            yield path.read_text(encoding="utf-8")


@cache
def storable() -> frozenset[str]:
    """Fields of the kernel's structures that it stores in without a call."""
    found = {field.name for structure in STRUCTURES for field in fields(structure)}
    return frozenset(found - NOT_STORABLE)


def evolve_structure(structure: Any, **changes: Any) -> Any:
    """`evolve` as a submission has it: of the model's structures only."""
    if not isinstance(structure, STRUCTURES):
        raise TypeError("evolve makes copies of VMAs and their like only")
    return evolve(structure, **changes)
