"""What the model defines: its modules in reading order, and the names in them.

Read from the source, without importing it.  The pages of `reference` are made of this,
and every page is told by it which names can be linked.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

from attrs import frozen

ROOT = Path(__file__).parents[2]
HOME = (["hw"], ["mm"], ["kernel"], ["fs"])  # the rooms of what a machine has
QUOTED = re.compile(r"`([\w./]+)`")

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


@frozen(eq=False)
class Module:
    """One file of the model."""

    name: str  # dotted
    path: Path  # from the project's root
    text: str
    tree: ast.Module
    is_package: bool

    @property
    def docstring(self) -> str:
        return ast.get_docstring(self.tree) or ""

    @property
    def lines(self) -> int:
        return self.text.count("\n")

    def definitions(self) -> Iterator[Definition]:
        """The functions and classes that it defines for others, top-down."""
        return public(self.tree.body)


def public(body: list[ast.stmt]) -> Iterator[Definition]:
    """Each once: of a property's functions the first."""
    seen = set()
    for node in body:
        if isinstance(node, Definition) and node.name[0] != "_":
            if node.name not in seen:
                yield node
            seen.add(node.name)


def constant(node: ast.stmt) -> str | None:
    """The name that a statement gives to a value, if it is one for others too."""
    match node:
        case ast.Assign(targets=[ast.Name(id=name)]):
            pass
        case ast.AnnAssign(target=ast.Name(id=name)):
            pass
        case _:
            return None
    return None if name.startswith("_") else name


@cache
def modules() -> tuple[Module, ...]:
    """All of the model, each package before what is in it, in reading order."""
    return tuple(below(ROOT / "kmm"))


def below(folder: Path) -> Iterator[Module]:
    package = read_module(folder / "__init__.py")
    yield package
    for name in in_order(package, parts_of(folder)):
        path = folder / name
        if path.is_dir():
            yield from below(path)
        else:
            yield read_module(path.with_suffix(".py"))


def parts_of(folder: Path) -> list[str]:
    """The modules and packages in a folder, by name."""
    files = [path.stem for path in folder.glob("*.py") if path.stem[0] != "_"]
    return sorted(
        [*files, *(path.parent.name for path in folder.glob("*/__init__.py"))]
    )


def in_order(package: Module, parts: list[str]) -> list[str]:
    """As the package's docstring names them; those that it does not name come last."""
    named = [word.strip("/") for word in QUOTED.findall(package.docstring)]
    return sorted(parts, key=lambda p: named.index(p) if p in named else len(named))


def read_module(path: Path) -> Module:
    text = path.read_text(encoding="utf-8")
    where = path.relative_to(ROOT)
    is_package = path.name == "__init__.py"
    parts = where.parent.parts if is_package else where.with_suffix("").parts
    return Module(".".join(parts), where, text, ast.parse(text), is_package)


@cache
def inventory() -> Mapping[str, str]:
    """Every dotted name that has a place in the reference, and the module it is in."""
    found = {}
    for module in modules():
        found[module.name] = module.name
        for name in filter(None, map(constant, module.tree.body)):
            found[f"{module.name}.{name}"] = module.name
        for node in module.definitions():
            found[f"{module.name}.{node.name}"] = module.name
            if isinstance(node, ast.ClassDef):
                for method in public(node.body):
                    found[f"{module.name}.{node.name}.{method.name}"] = module.name
    return found


@cache
def known_alone() -> Mapping[str, str]:
    """The functions of the kernel that prose may call by their name alone."""
    every = [name for name in inventory() if name.split(".")[1:2] in HOME]
    often = Counter(name.rpartition(".")[2] for name in every)
    found = {name.rpartition(".")[2]: name for name in every}
    return {
        short: full
        for short, full in found.items()
        if "_" in short and often[short] == 1
    }


def resolve(name: str, at: str = "") -> str | None:
    """The full name that is meant by a short one in the module `at`, if there is one.

    A docstring says `vma_address` in its own module, `rmap.vma_address` in its own
    room, and `mm.rmap` from elsewhere.
    """
    words = at.split(".") if at else []
    known = inventory()
    for depth in range(len(words), 0, -1):
        full = ".".join([*words[:depth], name])
        if full in known:
            return full
    return name if name in known else known_alone().get(name)
