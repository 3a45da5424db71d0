"""`kmm doctor`: what this installation has, and what might be in its way.

It looks and changes nothing.  Each finding that is in the way says what to do about it.
"""

from __future__ import annotations

import os
import platform
import shutil
import sys
from argparse import Namespace
from collections.abc import Iterator
from importlib.metadata import EntryPoint, PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from textwrap import wrap

from attrs import asdict, frozen

from .. import __version__
from ..scenarios.found import own_lessons, plugin_race, plugins
from .exits import FAILED, OK
from .output import deliver, print_json, text_width
from .screen import terminal_problem

SMALLEST, MADE_FOR = (60, 20), (80, 24)  # columns and rows of the screen
NEEDED = ("attrs", "textual")
# What kmm uses if it is there: a distribution, and what for.
OPTIONAL = {
    "textual-serve": "kmm serve",
    "shtab": "kmm --completion",
    "distributed": "--executor dask://",
    "resvg-py": "pictures as PNG",
}
GROUPS = ("kmm.lessons", "kmm.races", "kmm.exercises")  # of entry points


@frozen
class Finding:
    """One thing that was looked at."""

    topic: str
    name: str
    found: str
    advice: str | None = None  # one line, if something is in the way
    is_broken: bool = False  # whether kmm, or a part of it, cannot work so


def doctor_command(options: Namespace) -> int:
    findings = [*versions(), *terminal(), *paths(), *plug_ins()]
    if options.verbose:
        findings += keys()
    if options.json:
        print_json({"findings": [asdict(finding) for finding in findings]})
    else:
        deliver(as_text(findings, text_width()) + "\n", None)
    return FAILED if any(finding.is_broken for finding in findings) else OK


def as_text(findings: list[Finding], width: int) -> str:
    """Topic by topic, and at the end what to do."""
    names = max(len(finding.name) for finding in findings)
    lines: list[str] = []
    topic = ""
    for finding in findings:
        if finding.topic != topic:
            topic = finding.topic
            lines += ["", topic] if lines else [topic]
        mark = "X" if finding.is_broken else "!" if finding.advice else " "
        lines.append(f"{mark} {finding.name:{names}}  {finding.found}")
    advice = [finding for finding in findings if finding.advice]
    if not advice:
        return "\n".join([*lines, "", "Nothing is in the way."])
    lines += ["", "What to do"]
    for finding in advice:
        mark = "X" if finding.is_broken else "!"
        lines += hanging(f"{mark} {finding.name}: {finding.advice}", width)
    return "\n".join(lines)


def hanging(text: str, width: int) -> list[str]:
    return wrap(text, width, subsequent_indent="  ", break_on_hyphens=False)


# What is installed.


def versions() -> Iterator[Finding]:
    topic = "Versions"
    yield Finding(topic, "kmm", f"{__version__} in {Path(__file__).parents[1]}")
    python = f"{platform.python_implementation()} {platform.python_version()}"
    yield Finding(topic, "Python", f"{python}, {sys.executable}")
    yield Finding(topic, "system", f"{platform.system()} {platform.machine()}")
    for name in NEEDED:
        yield Finding(topic, name, installed(name) or "?")
    for name, what_for in OPTIONAL.items():
        found = installed(name)
        yield Finding(topic, name, found or f"not installed ({what_for})")


def installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


# What it can be shown on.


def terminal() -> Iterator[Finding]:
    topic = "Terminal"
    problem = terminal_problem()
    if problem is not None:
        advice = "kmm's screen needs a terminal; all commands work without one"
        yield Finding(topic, "screen", problem, advice)
    term = os.environ.get("TERM", "not set")
    color = os.environ.get("COLORTERM", "not set")
    yield Finding(topic, "TERM", f"{term} (COLORTERM {color})")
    yield size()
    yield encoding()
    if os.environ.get("NO_COLOR"):
        yield Finding(topic, "NO_COLOR", "set: no colours, and nothing needs them")
    yield editor()


def size() -> Finding:
    columns, rows = shutil.get_terminal_size()
    advice = None
    if columns < SMALLEST[0] or rows < SMALLEST[1]:
        advice = "make it {}x{} at least; the screen does not fit".format(*SMALLEST)
    elif columns < MADE_FOR[0] or rows < MADE_FOR[1]:
        advice = "the screen is made for {}x{} or more".format(*MADE_FOR)
    return Finding("Terminal", "size", f"{columns}x{rows}", advice)


def editor() -> Finding:
    name = os.environ.get("VISUAL") or os.environ.get("EDITOR")
    if name:
        return Finding("Terminal", "editor", name)
    advice = "set VISUAL to the editor that exercises are to open"
    return Finding("Terminal", "editor", "neither VISUAL nor EDITOR is set", advice)


def encoding() -> Finding:
    name = getattr(sys.stdout, "encoding", None) or "none"
    advice = None
    if name.lower().replace("-", "") != "utf8":
        advice = "set PYTHONUTF8=1, or a UTF-8 locale: lines are drawn with it"
    return Finding("Terminal", "encoding", name, advice)


# Where things are.


def paths() -> Iterator[Finding]:
    from ..scenarios.matrix import usual_folder
    from ..tui.crash import state_folder
    from ..tui.settings import usual_path

    topic = "Paths"
    lessons = own_lessons()
    there = lessons.is_dir()
    yield Finding(
        topic,
        "lessons",
        str(lessons),
        None if there else "they are not there: install kmm again",
        is_broken=not there,
    )
    yield settings(usual_path())
    yield writable("state", state_folder(), "progress and reports of crashes")
    yield writable("cache", usual_folder(), "what the matrix knows from before")


def settings(path: Path) -> Finding:
    from ..tui.app import KNOWN_KEYS
    from ..tui.settings import load_settings

    problems = load_settings(KNOWN_KEYS, path).problems
    found = f"{path}" if path.exists() else f"{path} (not there, nor needed)"
    return Finding("Paths", "settings", found, "; ".join(problems) or None)


def writable(name: str, folder: Path, what: str) -> Finding:
    """A folder that is there and can be written to, or can be made."""
    nearest = folder
    while not nearest.exists() and nearest != nearest.parent:
        nearest = nearest.parent
    advice = None
    if not (nearest.is_dir() and os.access(nearest, os.W_OK)):
        advice = f"{nearest} cannot be written to, so {what} cannot be kept"
    return Finding("Paths", name, str(folder), advice)


# What other packages bring.


def plug_ins() -> Iterator[Finding]:
    found = [entry for group in GROUPS for entry in plugins(group)]
    if not found:
        yield Finding("Plug-ins", "none", "no package brings lessons, races, exercises")
    for entry in found:
        yield plug_in(entry)


def plug_in(entry: EntryPoint) -> Finding:
    """Lessons and exercises are folders, of which the module only says where."""
    package = entry.dist.name if entry.dist else "?"
    found = f"{entry.group}, {entry.value} of {package}"
    try:
        if entry.group == "kmm.races":
            plugin_race(entry)
        elif find_spec(entry.module) is None:
            raise ModuleNotFoundError(f"there is no module {entry.module}")
    except Exception as error:  # `find_spec` imports packages, which may do anything
        advice = f"{package} is broken ({error}): mend it or remove it"
        return Finding("Plug-ins", entry.name, found, advice, is_broken=True)
    return Finding("Plug-ins", entry.name, found)


# What the settings may name.


def keys() -> Iterator[Finding]:
    from ..tui.app import TABLES

    seen = set()
    for key in (key for table in TABLES for key in table if key.action):
        if key.id not in seen:
            seen.add(key.id)
            yield Finding("Keys", key.id, f"{key.shown} ({key.help})")
