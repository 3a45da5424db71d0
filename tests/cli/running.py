"""The command line as the tests call it: in this process, or in one of its own."""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen

from kmm.cli.main import main

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-m", "kmm"]


@frozen
class Ran:
    """What a command did."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        whole: dict[str, Any] = json.loads(self.out)
        return whole


def kmm(*arguments: str) -> Ran:
    """Run a command here; neither of its outputs is a terminal."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main(arguments)
    return Ran(code, out.getvalue(), err.getvalue())


def fresh_kmm(*arguments: str, stdin: str = "", **environment: str) -> Ran:
    """Run a command in a process of its own, without a terminal."""
    ran = subprocess.run(
        [*COMMAND, *arguments],
        cwd=ROOT,
        env={**os.environ, **environment},
        input=stdin,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return Ran(ran.returncode, ran.stdout, ran.stderr)


def python(code: str) -> Ran:
    """Run a line of Python in a process of its own."""
    ran = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return Ran(ran.returncode, ran.stdout, ran.stderr)


class Terminal(io.StringIO):
    """An output that says that it is a terminal."""

    def isatty(self) -> bool:
        return True


def pretend_terminal(patch: pytest.MonkeyPatch, stream: str) -> Terminal:
    """Make one of sys.stdin, stdout and stderr a terminal that can draw.

    To be called in the test: pytest puts its own streams there after the fixtures.
    """
    terminal = Terminal()
    patch.setattr(sys, stream, terminal)
    patch.setenv("TERM", "xterm")
    patch.delenv("NO_COLOR", raising=False)
    return terminal


def refused(ran: Ran, cause: str) -> bool:
    """Whether bad input was answered as it should be: one line, and nothing else."""
    lines = ran.err.splitlines()
    return (
        ran.code == 2
        and ran.out == ""
        and len(lines) == 1
        and lines[0].startswith("kmm: ")
        and len(lines[0]) < 500
        and cause in lines[0]
        and "Traceback" not in ran.err
    )
