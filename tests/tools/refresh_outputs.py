"""Run the commands of README.md and docs/ again and put their output below them.

    python tests/tools/refresh_outputs.py           rewrite the files
    python tests/tools/refresh_outputs.py --check   exit 1 if one would change

A block that begins with ```console and a line `$ kmm ...` holds that command's output.
Between `<!-- python tests/tools/shape.py ... -->` and `<!-- end -->` stands what that
program prints; the same holds for rooms.py, attempts.py and left_out.py.
Transcripts of lessons are made again too.
Times are printed as they were the first time, since they are different each time.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import shlex
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[2])]

from tools import attempts, left_out, rooms, shape  # noqa: E402

from kmm.cli.main import main  # noqa: E402
from kmm.course import lessons  # noqa: E402
from kmm.course.claims import make_transcript  # noqa: E402

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"```console\n\$ (?P<command>kmm [^\n]*)\n(?P<output>.*?)```", re.S)
MEASURED = re.compile(
    r"(?P<head><!-- python tests/tools/(?P<name>\w+)\.py(?P<options>[^\n]*) -->\n)"
    r"(?P<output>.*?)<!-- end -->",
    re.S,
)
SECONDS = re.compile(r'"seconds": [\d.]+')


def refreshed(text: str) -> str:
    """A text with every block's output as it is now."""
    text = MEASURED.sub(measured, text)
    return BLOCK.sub(lambda block: console(block["command"], block["output"]), text)


def measured(block: re.Match[str]) -> str:
    options = shlex.split(block["options"])
    programs = {
        "shape": lambda: shape.main(options),
        "rooms": rooms.picture,
        "attempts": attempts.listed,
        "left_out": left_out.table,
    }
    output = programs[block["name"]]()
    return f"{block['head']}\n{output}\n<!-- end -->"


def console(command: str, before: str) -> str:
    output = output_of(shlex.split(command)[1:])
    time = SECONDS.search(before)
    if time:
        output = SECONDS.sub(time[0], output)
    return f"```console\n$ {command}\n{output}```"


def output_of(arguments: list[str]) -> str:
    """What `kmm ARGUMENTS` prints when its output is not a terminal."""
    out = io.StringIO()
    with (
        for_nobody(),
        contextlib.chdir(ROOT),  # commands may name files of the repository
        contextlib.redirect_stdout(out),
        contextlib.suppress(SystemExit),
    ):
        main(arguments)
    lines = [line.rstrip() for line in out.getvalue().splitlines()]
    return "\n".join(lines).strip("\n") + "\n"


@contextlib.contextmanager
def for_nobody() -> Iterator[None]:
    """Commands that know nothing of who runs them, and leave nothing behind.

    Progress, scores and settings are those of somebody who has just begun.
    """
    before = dict(os.environ)
    with tempfile.TemporaryDirectory() as home:
        os.environ |= {
            "COLUMNS": "80",  # for argparse
            "XDG_STATE_HOME": f"{home}/state",
            "XDG_CONFIG_HOME": f"{home}/config",
        }
        try:
            yield
        finally:
            os.environ.clear()
            os.environ |= before


def documents() -> list[Path]:
    """The files whose outputs are checked."""
    folders = (ROOT / "docs", *sorted((ROOT / "lessons").glob("*/")))
    return [ROOT / "README.md", *(p for f in folders for p in sorted(f.glob("*.md")))]


def transcripts() -> dict[Path, str]:
    """What the runs of lessons report now, by the file that keeps it."""
    return {
        lesson.transcript: make_transcript(lesson.motion)
        for lesson in lessons()
        if lesson.motion is not None
    }


if __name__ == "__main__":
    stale = False
    texts = [(path, refreshed(path.read_text("utf-8"))) for path in documents()]
    for path, new in [*texts, *transcripts().items()]:
        old = path.read_text(encoding="utf-8") if path.exists() else ""
        stale = stale or old != new
        if "--check" not in sys.argv[1:]:
            path.write_text(new, encoding="utf-8")
    sys.exit(stale and "--check" in sys.argv[1:])
