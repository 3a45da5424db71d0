"""The reference: a page for each module, in reading order, from its own text.

A module's page goes through it from top to bottom, as a reader does: its docstring,
its constants with their comments, its classes with the fields and what is said beside
them, its functions with what they promise.  Bodies are one click away.
"""

from __future__ import annotations

import ast
import copy
import re
from collections.abc import Iterator, Mapping
from functools import cache
from textwrap import dedent

from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

from .names import Definition, Module, constant, inventory, modules, public
from .prose import from_docstring, literal

FENCE = ":::"
LONG = 150  # lines of a table of constants, after which the rest is left to the source
ROOM_LINE = re.compile(r"^(?P<names>`\w+`(?:, `\w+`)*) +(?P<what>.+)$", re.M)


def reference() -> Mapping[str, str]:
    """The pages: the rooms, each package, each module."""
    first, *others = modules()
    pages = {f"reference/{module.name}": page(module) for module in others}
    return {"reference/index": rooms(first), **pages}


def rooms(package: Module) -> str:
    """The front page of the reference: the rooms, in the order in which they import."""
    rows = ROOM_LINE.findall(package.docstring)
    lines = [
        "# Reference",
        "",
        "Every module of the model, from its docstrings, in reading order: a room "
        "imports only from rooms above it.",
        "The [reading guide](../reading-guide.md) has shorter ways through.",
        "",
        "| room | what it is about |",
        "| --- | --- |",
    ]
    for names, what in rows:
        links = ", ".join(
            f"[{name}](kmm.{name}.md)" for name in re.findall(r"\w+", names)
        )
        lines.append(f"| {links} | {what} |")
    return "\n".join(lines) + "\n"


def children(package: Module) -> list[Module]:
    depth = package.name.count(".") + 1
    return [
        module
        for module in modules()
        if module.name.startswith(f"{package.name}.")
        and module.name.count(".") == depth
    ]


def page(module: Module) -> str:
    chunks = [
        orphaned(module),
        f"# {module.name}",
        f":::{{py:module}} {module.name}\n:::",
        f"{above(module)}{module.path.as_posix()}, {module.lines} lines",
        from_docstring(module.docstring, module.name),
    ]
    if module.is_package:
        chunks += contents(module)
    chunks += [*body(module), neighbours(module)]
    return "\n\n".join(chunk for chunk in chunks if chunk) + "\n"


def is_room(module: Module) -> bool:
    return module.name.count(".") == 1


def orphaned(module: Module) -> str:
    """The sidebar of every page has the rooms; with all modules it would be endless."""
    return "" if is_room(module) else "---\norphan: true\n---"


def above(module: Module) -> str:
    """The packages that it is in, outermost first."""
    words = module.name.split(".")
    outer = [".".join(words[:n]) for n in range(2, len(words))]
    links = ["[Reference](index.md)", *(f"[{name}]({name}.md)" for name in outer)]
    return " / ".join([*links, ""])


def neighbours(module: Module) -> str:
    """What to read before and after it."""
    every = modules()[1:]
    at = every.index(module)
    links = []
    if at > 0:
        links.append(f"Before: [{every[at - 1].name}]({every[at - 1].name}.md).")
    if at + 1 < len(every):
        links.append(f"Next: [{every[at + 1].name}]({every[at + 1].name}.md).")
    return "---\n\n" + " ".join(links)


def contents(package: Module) -> Iterator[str]:
    """What is in a package: its modules, with what each is."""
    below = children(package)
    if not below:
        return
    yield "| module | |\n| --- | --- |\n" + "\n".join(
        f"| [{module.name.rpartition('.')[2]}]({module.name}.md) | {summary(module)} |"
        for module in below
    )


def summary(module: Module) -> str:
    first = module.docstring.partition("\n\n")[0].replace("\n", " ")
    return from_docstring(first, module.name).replace("|", r"\|")


def body(module: Module) -> Iterator[str]:
    """What it defines, top-down; constants that stand together stay together."""
    constants: list[ast.stmt] = []
    for node in module.tree.body:
        if constant(node):
            constants.append(node)
            continue
        if constants and not isinstance(node, ast.Import | ast.ImportFrom):
            yield targets(module, constants)
            yield source(module, constants)
            constants = []
        if isinstance(node, Definition) and not node.name.startswith("_"):
            yield definition(module, node)
    if constants:
        yield targets(module, constants)
        yield source(module, constants)


def targets(module: Module, nodes: list[ast.stmt]) -> str:
    """Places that a link to one of these constants leads to; nothing to be seen."""
    return "\n\n".join(
        f":::{{py:data}} {constant(node)}\n:no-typesetting:\n:::" for node in nodes
    )


def source(module: Module, nodes: list[ast.stmt]) -> str:
    """Lines of the module as they are, with the comments above the first."""
    lines = module.text.splitlines()
    first, last = nodes[0].lineno, nodes[-1].end_lineno or nodes[-1].lineno
    while first > 1 and lines[first - 2].lstrip().startswith("#"):
        first -= 1
    shown = lines[first - 1 : last]
    if len(shown) > LONG:
        shown = [*shown[:LONG], f"# ... and {len(shown) - LONG} lines more"]
    indent = min(len(line) - len(line.lstrip()) for line in shown if line.strip())
    return literal("\n".join(line[indent:] for line in shown), "python")


# Classes and functions.


def definition(module: Module, node: Definition) -> str:
    if isinstance(node, ast.ClassDef):
        return class_entry(module, node)
    return function_entry(module, node, "function")


def class_entry(module: Module, node: ast.ClassDef) -> str:
    bases = ", ".join(ast.unparse(base) for base in node.bases)
    head = f"::::{{py:class}} {node.name}{f'({bases})' if bases else ''}"
    chunks = [said(module, node)]
    fields = [part for part in node.body if constant(part)]
    if fields:
        chunks.append(source(module, fields_until_method(node)))
    chunks += [
        function_entry(module, method, "method")
        for method in public(node.body)
        if not isinstance(method, ast.ClassDef)
    ]
    return "\n\n".join([head, *filter(None, chunks), "::::"])


def fields_until_method(node: ast.ClassDef) -> list[ast.stmt]:
    """A class's fields; what comes between two of them is theirs too."""
    places = [n for n, part in enumerate(node.body) if constant(part)]
    run = node.body[places[0] : places[-1] + 1]
    for n, part in enumerate(run):
        if isinstance(part, Definition):
            return run[:n]
    return run


def function_entry(
    module: Module,
    node: ast.FunctionDef | ast.AsyncFunctionDef,
    kind: str,
) -> str:
    decorators = {ast.unparse(decorator) for decorator in node.decorator_list}
    if decorators & {"property", "cached_property"}:
        head = f"{FENCE}{{py:property}} {node.name}"
        options = [f":type: {annotation(module, node.returns)}"] if node.returns else []
    else:
        head = f"{FENCE}{{py:{kind}}} {signature(module, node)}"
        options = [":async:"] if isinstance(node, ast.AsyncFunctionDef) else []
        options += [
            f":{name}:"
            for name in ("classmethod", "staticmethod")
            if name in decorators
        ]
    chunks = [said(module, node), listing(module, node)]
    return "\n\n".join(["\n".join([head, *options]), *filter(None, chunks), FENCE])


def listing(module: Module, node: Definition) -> str:
    """The whole of it, folded; as HTML, since a search is for words, not for code."""
    lines = module.text.splitlines()[node.lineno - 1 : node.end_lineno]
    code = highlight(
        dedent("\n".join(lines)), PythonLexer(), HtmlFormatter(wrapcode=True)
    )
    title = f"{module.path.as_posix()}:{node.lineno}"
    folded = f'<details class="listing"><summary>{title}</summary>{code}</details>'
    return f"```{{raw}} html\n{folded}\n```"


def said(module: Module, node: Definition) -> str:
    scope = f"{module.name}.{node.name}"
    at = scope if scope in inventory() else module.name
    return from_docstring(ast.get_docstring(node) or "", at)


def signature(module: Module, node: ast.FunctionDef | ast.AsyncFunctionDef) -> str:
    """Name, arguments and result on one line, with names of the model in full."""
    arguments = Qualified(module).visit(copy.deepcopy(node.args))
    first = [*arguments.posonlyargs, *arguments.args][:1]
    if first and first[0].arg in ("self", "cls"):
        (arguments.posonlyargs or arguments.args).pop(0)
    text = f"{node.name}({ast.unparse(arguments)})"
    return f"{text} -> {annotation(module, node.returns)}" if node.returns else text


def annotation(module: Module, node: ast.expr) -> str:
    return ast.unparse(Qualified(module).visit(copy.deepcopy(node)))


class Qualified(ast.NodeTransformer):
    """Types by their full names, where the reference has them."""

    def __init__(self, module: Module) -> None:
        self.names = imported(module)

    def visit_Name(self, node: ast.Name) -> ast.expr:
        full = self.names.get(node.id)
        if full is None:
            return node
        return ast.parse(full, mode="eval").body


@cache
def imported(module: Module) -> Mapping[str, str]:
    """What each name in a module's annotations is called in full."""
    known = inventory()
    own = [node.name for node in module.definitions()]
    own += filter(None, map(constant, module.tree.body))
    found = {name: f"{module.name}.{name}" for name in own}
    package = module.name.split(".")
    if not module.is_package:
        package = package[:-1]
    for node in ast.walk(module.tree):
        if isinstance(node, ast.ImportFrom) and node.level:
            above = package[: len(package) - node.level + 1]
            origin = ".".join([*above, *filter(None, [node.module])])
            for alias in node.names:
                found[alias.asname or alias.name] = f"{origin}.{alias.name}"
    return {name: full for name, full in found.items() if full in known}
