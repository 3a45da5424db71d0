"""A vetted submission as functions, in a namespace that has nothing else.

Each round of its loops is counted, so that a loop without an end is found in a known
number of rounds, wherever it runs: seconds have no part in a verdict.
"""

from __future__ import annotations

import ast
import builtins
from types import CodeType, FunctionType
from typing import Any

from attrs import define

from ..sim.failure import Livelock
from .vet import BUILTINS, Vetted, is_record

MOST_ROUNDS = 100_000  # of all its loops, in one run of the model
ROUND = "__round__"  # no submission can say this name


@define
class Rounds:
    """How often the loops of a submission have gone round in this run."""

    count: int = 0

    def reset(self) -> None:
        self.count = 0

    def one(self) -> bool:
        """Raises Livelock after too many."""
        self.count += 1
        if self.count > MOST_ROUNDS:
            raise Livelock(
                f"a loop of the submission: more than {MOST_ROUNDS:,} rounds"
            )
        return True


class Counted(ast.NodeTransformer):
    """Puts a call into each loop, and into each comprehension as a condition."""

    def visit_For(self, node: ast.For) -> ast.AST:
        return self.loop(node)

    def visit_While(self, node: ast.While) -> ast.AST:
        return self.loop(node)

    def loop(self, node: ast.For | ast.While) -> ast.AST:
        self.generic_visit(node)
        node.body.insert(0, ast.copy_location(ast.Expr(call()), node))
        return node

    def visit_comprehension(self, node: ast.comprehension) -> ast.AST:
        self.generic_visit(node)
        node.ifs.insert(0, call())
        return node


def call() -> ast.Call:
    return ast.Call(ast.Name(ROUND, ast.Load()), [], [])


def load(vetted: Vetted, file: str, rounds: Rounds) -> dict[str, FunctionType]:
    """The functions of a submission, by name.  `file` is what a trace calls it."""
    names: dict[str, Any] = {
        **vetted.imported,
        "__builtins__": {name: getattr(builtins, name) for name in BUILTINS},
        "__name__": "submission",
        "__doc__": ast.get_docstring(vetted.tree),
        ROUND: rounds.one,
    }
    exec(compiled(vetted.tree, file), names)  # noqa: S102 - vetted: `vet` says how
    return {name: names[name] for name in vetted.functions}


def compiled(tree: ast.Module, file: str) -> CodeType:
    """What is left when the imports are done and the record is read."""
    body = [n for n in tree.body if not isinstance(n, ast.ImportFrom)]
    rest = ast.Module([n for n in body if not is_record(n)], [])
    whole = ast.fix_missing_locations(Counted().visit(without_annotations(rest)))
    return compile(whole, file, "exec", dont_inherit=True)


def without_annotations(tree: ast.Module) -> ast.Module:
    """Annotations are for readers; to evaluate them would need their names."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            node.returns = None
        elif isinstance(node, ast.arg):
            node.annotation = None
    return Plain().visit(tree)  # type: ignore[no-any-return]


class Plain(ast.NodeTransformer):
    """`name: type = value` as `name = value`; without a value it says nothing."""

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        if node.value is None:
            return ast.copy_location(ast.Pass(), node)
        return ast.copy_location(ast.Assign([node.target], node.value), node)
