"""kmm's explorer beside others: executions or states to the first bug, and to the end.

    python tests/benchmarks/explorers/run.py [--quick] [--long] [--install DIR]

All search the same programs: the toy of `sim.programs`, in which a walk of the page
table meets a move, and three threads that count under locks.  A tool is measured if it
can be imported; `--install DIR` makes a virtual environment for each below DIR, with
pip, and finds it there the next time.  SPIN comes from the system's package manager.
Whatever is missing is said to be.

Prints the tables of docs/explorer.md.  Seconds are of processor time.  The numbers of
kmm's exhaustive search are known beforehand, and asserted.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

TESTS = Path(__file__).parents[2]
sys.path.insert(0, str(TESTS))

# Found by the line above, so they cannot stand before it.
from benchmarks.explorers.programs import FIXED, SCALED, TOY, scaled  # noqa: E402
from benchmarks.explorers.rows import Goal, Outcome, Peer, Row, received  # noqa: E402

CANDIDATES = [f"python3.{minor}" for minor in range(11, 16)]


@dataclass(frozen=True)
class Tool:
    """Something that can be measured, and what it takes to run it."""

    name: str
    module: str
    package: str = ""  # on PyPI; kmm and SPIN have none
    python: tuple[int, int] = (3, 11)  # the lowest that it runs on
    through: str = ""  # a command of its own that must start the Python


TOOLS = (
    Tool("kmm", "with_kmm"),
    Tool("SPIN", "with_spin"),
    Tool("musil", "with_musil", "musil", (3, 12)),
    Tool("frontrun", "with_frontrun", "frontrun", through="frontrun"),
    Tool("detangle", "with_detangle", "detangle"),
    Tool("interleave-test", "with_interleave_test", "interleave-test", (3, 12)),
)


class MissingError(Exception):
    """A tool is not here, for this reason."""


class FailedError(Exception):
    """A tool is here, and its module ended in an error, which it has printed."""


# Finding a Python that has the tool.


def version_of(python: str) -> tuple[int, int] | None:
    """Which Python a command is; None if it is none."""
    ask = "import ensurepip, sys; print(*sys.version_info[:2])"
    try:
        answer = subprocess.run(
            [python, "-c", ask], capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    major, minor = answer.stdout.split()
    return int(major), int(minor)


def find_python(lowest: tuple[int, int], given: str | None) -> str:
    """The Python given, or the running one, or the first on this machine that will do.

    A name on the path may be there without a Python behind it, so each is asked.
    """
    versions = sorted(Path.home().glob(".pyenv/versions/3.*/bin/python3"))
    for python in [given or sys.executable, *CANDIDATES, *map(str, versions)]:
        version = version_of(python)
        if version and version >= lowest:
            return python
    raise MissingError(f"it needs Python {lowest[0]}.{lowest[1]}")


def has(python: str, package: str) -> bool:
    ask = f"import importlib.metadata; importlib.metadata.version({package!r})"
    done = subprocess.run([python, "-c", ask], capture_output=True)
    return done.returncode == 0


def python_for(tool: Tool, options: Namespace) -> str:
    if tool.name == "SPIN":
        for command in ("spin", "gcc"):
            if not shutil.which(command):
                raise MissingError(f"there is no {command}")
    if not tool.package:
        return sys.executable
    if not options.install:
        python = options.python or sys.executable
        if not has(python, tool.package):
            raise MissingError("not installed")
        return str(python)
    place = Path(options.install).resolve() / tool.package
    python = str(place / "bin" / "python")
    if not Path(python).exists() or not has(python, tool.package):
        base = find_python(tool.python, options.python)
        subprocess.run([base, "-m", "venv", place], check=True)
        pip = [python, "-m", "pip", "install", "--quiet", tool.package]
        done = subprocess.run(pip, capture_output=True, text=True)
        if done.returncode:
            raise MissingError(done.stderr.strip().splitlines()[-1])
    return python


def measured(tool: Tool, options: Namespace) -> Peer:
    python = python_for(tool, options)
    command = [python, "-m", f"benchmarks.explorers.{tool.module}"]
    if tool.through:
        command = [str(Path(python).with_name(tool.through)), *command]
    command += ["--quick"] * options.quick + ["--long"] * options.long
    path = os.pathsep.join([str(TESTS.parent), str(TESTS)])
    environment = {**os.environ, "PYTHONPATH": path}
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        raise FailedError
    return received(done.stdout)


# The tables.


def time_of(seconds: float) -> str:
    if seconds < 0.1:
        return f"{seconds * 1000:.1f} ms"
    return f"{seconds:.1f} s"


def cell(row: Row) -> str:
    none = "none in " if row.goal == Goal.FIRST and row.outcome != Outcome.BUG else ""
    more = "> " if row.outcome == Outcome.STOPPED else ""
    unit = " states" if row.unit == "states" else ""
    return f"{none}{more}{row.number:,.10g}{unit}, {time_of(row.seconds)}"


def rate(rows: Sequence[Row]) -> str:
    """Executions or states a second in the longest search."""
    longest = max(rows, key=lambda row: row.seconds)
    if longest.seconds < 0.02:
        return ""
    return f"{longest.number / longest.seconds:,.0f}"


def table(heads: Sequence[str], lines: Iterator[Sequence[str]]) -> str:
    every = [heads, ["---"] * len(heads), *lines]
    return "\n".join(f"| {' | '.join(line)} |" for line in every)


def methods(peer: Peer) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in peer.rows:
        found.setdefault(row.method, []).append(row)
    return found


def by_program(
    peers: Sequence[Peer], columns: Sequence[tuple[str, str]], *, rates: bool = False
) -> Iterator[Sequence[str]]:
    """A line for each method of each tool: a cell for each program and goal."""
    for peer in peers:
        for method, rows in methods(peer).items():
            largest: dict[tuple[str, str], Row] = {}
            for row in rows:
                known = largest.get((row.program, row.goal))
                if known is None or known.number < row.number:
                    largest[row.program, row.goal] = row
            cells = [cell(largest[c]) if c in largest else "" for c in columns]
            if any(cells):
                yield [peer.name, method, *cells, *([rate(rows)] if rates else [])]


def verdicts(peers: Sequence[Peer]) -> Iterator[Sequence[str]]:
    """What each says where it has finished, and where it has not."""
    for peer in peers:
        for method, rows in methods(peer).items():
            on = {row.program: row for row in rows if row.goal == Goal.ALL}
            stopped = [row for row in rows if row.outcome == Outcome.STOPPED]
            if FIXED in on or stopped:
                bug = [row for row in rows if row.program == TOY]
                said = [found[0].says if found else "" for found in (bug, stopped)]
                fixed = on[FIXED].says if FIXED in on else ""
                yield [peer.name, method, said[0], fixed, said[1]]


def report(peers: Sequence[Peer]) -> str:
    smaller = [scaled(3, n) for n in (1, 2, 3)]
    larger = [name for name in SCALED if name not in smaller]
    first = [
        (TOY, Goal.FIRST),
        (FIXED, Goal.ALL),
        *((name, Goal.ALL) for name in smaller),
    ]
    second = [(name, Goal.ALL) for name in larger]
    heads = ["tool", "method"]
    called = ["toy, to the first bug", "toy, fixed", *smaller, "a second"]
    parts = [
        ", ".join(f"{p.name} {p.version} (Python {p.python})" for p in peers),
        table([*heads, *called], by_program(peers, first, rates=True)),
        table([*heads, *larger], by_program(peers, second)),
        table(
            [*heads, "says of the toy", "of the toy fixed", "when its budget is spent"],
            verdicts(peers),
        ),
    ]
    return "\n\n".join(parts)


def main() -> None:
    parser = ArgumentParser(
        description=__doc__, formatter_class=RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--quick", action="store_true", help="in less than two minutes")
    add("--long", action="store_true", help="the largest of kmm's spaces too")
    add("--install", metavar="DIR", help="where the virtual environments are to be")
    add("--python", help="the Python that has the tools, or that is to have them")
    add("--only", nargs="+", metavar="TOOL", help="by name")
    options = parser.parse_args()
    peers, remarks, failed = [], [], False
    for tool in TOOLS:
        if options.only and tool.name not in options.only:
            continue
        print(f"{tool.name} ...", file=sys.stderr, flush=True)
        try:
            peers.append(measured(tool, options))
        except MissingError as reason:
            remarks.append(f"{tool.name} is missing: {reason}")
        except FailedError:
            remarks.append(f"{tool.name} failed")
            failed = True
    print("\n\n".join([report(peers)] * bool(peers) + remarks))
    sys.exit(failed)


if __name__ == "__main__":
    main()
