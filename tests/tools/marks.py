"""Where the model announces an access or takes a lock, and the same code without it.

A site is one place in one module.  Its mutant does the same work, less one thing:

- a marked access, one that is announced as plain, or one to a page-table entry or to a
  frame: it is made in passing, and is no preemption point;
- the taking of a lock or of an RCU read section: it is not taken, and what gives it
  back finds out that there is nothing to give back (`without`);
- an attempt to take a lock: it succeeds, whoever has it.

Sites have names that do not change with the lines around them.
"""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path

from attrs import define, field, frozen

# What takes a lock, by the method; all are given back by the methods of `without`.
TAKING = frozenset(
    {"lock", "lock_nested", "lock_nest_lock", "down_read", "down_write", "read_lock"}
)
SIDES = frozenset({"for_read", "for_write", "for_write_nested"})

# `{0}` is the structure (evaluated once), `{field}` its field, {1}... the rest.
ACCESSES = {
    "read_once": "{0}.{field}",
    "read_plain": "{0}.{field}",
    "modify_once": "{0}.{field}",
    "modify_plain": "{0}.{field}",
    "write_once": "setattr({0}, '{field}', {1})",
    "write_plain": "setattr({0}, '{field}', {1})",
    "atomic_add": "((_s := {0}), setattr(_s, '{field}', _s.{field} + ({1})),"
    " _s.{field})[-1]",
    "atomic_add_unless": "((_s := {0}), _s.{field} != ({2})"
    " and (setattr(_s, '{field}', _s.{field} + ({1})) or True))[-1]",
    "atomic_cmpxchg": "((_s := {0}), _s.{field} == ({1})"
    " and (setattr(_s, '{field}', {2}) or True))[-1]",
    "atomic_inc_not_zero": "((_s := {0}), _s.{field} != 0"
    " and (setattr(_s, '{field}', _s.{field} + 1) or True))[-1]",
    "atomic_or": "((_s := {0}), setattr(_s, '{field}',"
    " __import__('operator').ior(_s.{field}, {1})))[-1]",
    "atomic_andnot": "((_s := {0}), setattr(_s, '{field}',"
    " __import__('operator').iand(_s.{field}, ~({1}))))[-1]",
    "set_bit": "((_s := {0}), setattr(_s, '{field}',"
    " __import__('operator').ior(_s.{field}, 1 << ({1}))))[-1]",
    "clear_bit": "((_s := {0}), setattr(_s, '{field}',"
    " __import__('operator').iand(_s.{field}, ~(1 << ({1})))))[-1]",
    "test_and_set_bit": "((_s := {0}), bool(_s.{field} & (1 << ({1}))),"
    " setattr(_s, '{field}',"
    " __import__('operator').ior(_s.{field}, 1 << ({1}))))[1]",
}

MOMENTS = ("change_free_area", "look_at_free_area")

# Methods of entries and frames, by name and number of arguments; {0} is the object.
METHODS = {
    ("read", 0): "{0}.value",
    ("write", 1): "setattr({0}, 'value', {1})",
    ("exchange", 1): "((_s := {0}), _s.value, setattr(_s, 'value', {1}))[1]",
    ("compare_exchange", 2): "((_s := {0}), _s.value == ({1})"
    " and (setattr(_s, 'value', {2}) or True))[-1]",
    ("load", 2): "{0}.read({1}, {2})",
    ("store", 2): "{0}.write({1}, {2})",
    ("zero_frame", 1): "{0}.write(({1}) << 12, bytes(4096))",
    ("copy_frame", 2): "((_s := {0}), _s.write(({1}) << 12,"
    " _s.read(({2}) << 12, 4096)))[-1]",
    ("is_locked", 0): "({0}.owner is not None)",
    ("change_free_area", 0): "None",
    ("look_at_free_area", 0): "None",
}

MARK = "mark"  # of what this very line does
MOMENT = "moment"  # of what the next lines do
LOCK = "lock"


@frozen
class Site:
    """One access or one lock, and how it is left out."""

    name: str  # mm/rmap.py:vma_address:read_plain(vma.vm_start)
    module: str  # kmm.mm.rmap
    file: str  # kmm/mm/rmap.py
    sort: str  # MARK, MOMENT or LOCK
    line: int
    last_line: int
    position: int  # among the sites of its module

    @property
    def function(self) -> str:
        """The innermost that it is in."""
        return self.name.split(":")[1].rpartition(".")[2]

    @property
    def owner(self) -> str:
        """The class whose method that is, or what else it is defined in; "" if none."""
        return self.name.split(":")[1].rpartition(".")[0]


def sites_of(root: Path, folders: tuple[str, ...]) -> list[Site]:
    """The sites of some folders of kmm, e.g. ("mm",), by file and place."""
    return [
        site
        for folder in folders
        for path in sorted((root / "kmm" / folder).rglob("*.py"))
        for site in sites_of_file(root, path)
    ]


def sites_of_file(root: Path, path: Path) -> list[Site]:
    file = path.relative_to(root).as_posix()
    module = file.removesuffix(".py").replace("/", ".").removesuffix(".__init__")
    finder = Finder(file.removeprefix("kmm/"), module, file)
    finder.visit(ast.parse(path.read_text(encoding="utf-8")))
    return finder.sites


def mutated(
    source: str, filename: str, position: int, harmless: bool = False
) -> ast.Module:
    """A module's syntax without one of its sites.

    If it is to be `harmless`, with one more preemption point there instead.
    """
    tree = ast.parse(source, filename)
    finder = Finder("", "", "", position, harmless)
    changed = finder.visit(tree)
    assert isinstance(changed, ast.Module)
    if finder.wanted is None or len(finder.sites) <= position:
        raise LookupError(f"{filename} has no site {position}")
    at = after_future(changed)
    changed.body[at:at] = ast.parse(
        "from tools.without import nothing as _nothing, pretend as _pretend,"
        " pause as _pause, after_pause as _after_pause"
    ).body
    return ast.fix_missing_locations(changed)


def after_future(tree: ast.Module) -> int:
    """Where a module's own statements begin."""
    last = 0
    for number, statement in enumerate(tree.body):
        if isinstance(statement, ast.ImportFrom) and statement.module == "__future__":
            last = number + 1
    return last


@define
class Finder(ast.NodeTransformer):
    """Counts the sites of a module, and leaves out the `wanted` one."""

    short: str
    module: str
    file: str
    wanted: int | None = None
    harmless: bool = False
    sites: list[Site] = field(factory=list)
    scope: list[str] = field(factory=list)
    comprehension: ast.expr | None = None  # the outermost that it is in
    named: Counter[str] = field(factory=Counter)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        return self.inside(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        return self.inside(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        return self.inside(node)

    def inside(
        self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
    ) -> ast.AST:
        self.scope.append(node.name)
        visited = self.generic_visit(node)
        self.scope.pop()
        return visited

    def visit_ListComp(self, node: ast.ListComp) -> ast.AST:
        return self.inside_comprehension(node)

    def visit_SetComp(self, node: ast.SetComp) -> ast.AST:
        return self.inside_comprehension(node)

    def visit_DictComp(self, node: ast.DictComp) -> ast.AST:
        return self.inside_comprehension(node)

    def inside_comprehension(self, node: ast.expr) -> ast.AST:
        before, self.comprehension = self.comprehension, self.comprehension or node
        visited = self.generic_visit(node)
        self.comprehension = before
        return visited

    def visit_AsyncWith(self, node: ast.AsyncWith) -> ast.AST:
        for item in node.items:
            if is_lock(item.context_expr):
                text = ast.unparse(item.context_expr)
                if self.add(f"with({text})", LOCK, item.context_expr):
                    without = "_after_pause" if self.harmless else "_nothing"
                    instead = placed(f"{without}({text})", item.context_expr)
                    item.context_expr = instead
        return self.generic_visit(node)

    def visit_Await(self, node: ast.Await) -> ast.AST:
        call = node.value
        if not isinstance(call, ast.Call):
            return self.generic_visit(node)
        found = marked_access(call) or method_call(call) or taken_lock(call)
        defines_it = self.scope[-1] in MOMENTS  # the sites are where that is called
        if found is not None and not defines_it:
            label, sort, instead = found
            if self.add(label, sort, node):
                if self.harmless:
                    instead = f"(await _pause(), {ast.unparse(node)})[1]"
                return placed(instead, node)
        return self.generic_visit(node)

    def add(self, label: str, sort: str, node: ast.expr) -> bool:
        """Note a site; whether it is the wanted one."""
        name = f"{self.short}:{'.'.join(self.scope)}:{label}"
        self.named[name] += 1
        if self.named[name] > 1:
            name = f"{name}#{self.named[name]}"
        position = len(self.sites)
        # Before Python 3.12 what is done in a comprehension is heard of at its start.
        where = self.comprehension or node
        first, last = where.lineno, where.end_lineno or where.lineno
        self.sites.append(
            Site(name, self.module, self.file, sort, first, last, position)
        )
        return position == self.wanted


Found = tuple[str, str, str]  # the label, the sort, and what stands there instead


def marked_access(call: ast.Call) -> Found | None:
    """`read_once(vma, VMA.vm_start)`, or `trap(Op(...))`."""
    if not isinstance(call.func, ast.Name):
        return None
    name = call.func.id
    if name == "trap":
        op = call.args[0]
        waits = "GateOp" in ast.unparse(op)
        return None if waits else (f"trap({ast.unparse(op)})", MOMENT, "None")
    if name not in ACCESSES:
        return None
    struct, which, *rest = call.args
    assert isinstance(which, ast.Attribute), ast.unparse(call)
    texts = [f"({ast.unparse(argument)})" for argument in (struct, *rest)]
    label = f"{name}({ast.unparse(struct)}.{which.attr})"
    return label, MARK, ACCESSES[name].format(*texts, field=which.attr)


def method_call(call: ast.Call) -> Found | None:
    """`ptep.read()`, `zone.change_free_area()`."""
    if not isinstance(call.func, ast.Attribute):
        return None
    key = (call.func.attr, len(call.args))
    if key not in METHODS or call.keywords:
        return None
    owner = ast.unparse(call.func.value)
    texts = [f"({owner})", *(f"({ast.unparse(one)})" for one in call.args)]
    sort = MOMENT if key[0] in MOMENTS else MARK
    return f"{owner}.{key[0]}()", sort, METHODS[key].format(*texts)


def taken_lock(call: ast.Call) -> Found | None:
    """`ptl.lock()`, `page.locked.trylock()`."""
    if not isinstance(call.func, ast.Attribute):
        return None
    name, owner = call.func.attr, ast.unparse(call.func.value)
    if name in TAKING or name == "trylock":
        return f"{owner}.{name}()", LOCK, f"await _pretend({owner})"
    return None


def is_lock(item: ast.expr) -> bool:
    """Whether an item of `async with` is a lock, and not something that has one."""
    if isinstance(item, ast.Call):
        if isinstance(item.func, ast.Attribute):
            return item.func.attr == "nested"
        return isinstance(item.func, ast.Name) and item.func.id == "pte_lockptr"
    return isinstance(item, ast.Attribute | ast.Name)


def placed(text: str, at: ast.expr) -> ast.expr:
    """An expression, all of it where another one was."""
    made = ast.parse(text, mode="eval").body
    for node in ast.walk(made):
        if isinstance(node, ast.expr):
            node.lineno = node.end_lineno = at.lineno
            node.col_offset = node.end_col_offset = at.col_offset
    return made
