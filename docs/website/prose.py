"""Docstrings as Markdown: they nearly are, but for what stands in columns.

Names of the model in backticks become links to their place in the reference.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from .names import resolve

FENCED = re.compile(r"^(?P<fence>`{3,}|~{3,}).*?^(?P=fence)\s*?$", re.S | re.M)
CODE_SPAN = re.compile(r"(?<!`)`(?P<code>[^`\n]+)`(?!`)")
LINKED = re.compile(r"\[[^\]]*\]\([^)]*\)")
COLUMNS = re.compile(r"\S {3,}\S")
BARE_ANGLE = re.compile(r"<(?=[A-Za-z/!?])")


def from_docstring(text: str, at: str) -> str:
    """A docstring of the module `at`, as Markdown."""
    paragraphs = re.split(r"\n[ ]*\n", text.strip("\n"))
    return "\n\n".join(laid_out(paragraph, at) for paragraph in paragraphs)


def laid_out(paragraph: str, at: str) -> str:
    lines = paragraph.splitlines()
    if all(line.startswith("    ") for line in lines):
        return paragraph
    if any(COLUMNS.search(line) for line in lines):
        return literal(paragraph)
    return linked(without_tags(paragraph), at)


def literal(text: str, language: str = "text") -> str:
    """A fenced block, with as many backticks as it takes."""
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))
    return f"{fence}{language}\n{text.strip(chr(10))}\n{fence}"


def without_tags(text: str) -> str:
    """With `<` outside of code as the sign that it is, and not as the start of HTML."""
    pieces = CODE_SPAN.split(text)
    return "".join(
        f"`{piece}`" if number % 2 else BARE_ANGLE.sub(r"\\<", piece)
        for number, piece in enumerate(pieces)
    )


def linked(text: str, at: str = "") -> str:
    """Markdown in which each code span that names something leads there.

    What is in a fenced block, or is the text of a link, stays as it is.
    """
    kept = [*FENCED.finditer(text), *LINKED.finditer(text)]

    def role(span: re.Match[str]) -> str:
        if any(k.start() <= span.start() < k.end() for k in kept):
            return span[0]
        full = named_by(span["code"], at)
        if full is None:
            return span[0]
        return f"{{py:obj}}`{span['code']} <{full}>`"

    return CODE_SPAN.sub(role, text)


def named_by(code: str, at: str) -> str | None:
    """The dotted name that a code span stands for: a name, or a path of a file."""
    if code.startswith("kmm/"):
        path = PurePosixPath(code)
        return resolve(".".join(path.with_suffix("").parts))
    if not re.fullmatch(r"[A-Za-z_][\w.]*", code):
        return None
    return resolve(code, at) or (resolve(f"kmm.{code}") if "." in code else None)


def slug(heading: str) -> str:
    """The anchor of a heading, as git hosts and MyST make it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
