"""Where results go: standard output, or a file that is written whole or not at all."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import tempfile
from argparse import Namespace
from pathlib import Path
from typing import Any, TextIO

from .exits import OK, Usage, drop_output

NARROW, USUAL, WIDE = 60, 80, 120
RED, GREEN, PLAIN = "\x1b[31m", "\x1b[32m", "\x1b[m"


def on_terminal(stream: TextIO | None) -> bool:
    """Whether `stream` is drawn by something that knows more than plain text."""
    dumb = os.environ.get("TERM", "dumb") == "dumb"
    return stream is not None and stream.isatty() and not dumb


def text_width() -> int:
    """Columns to fill: those of the terminal, within reason; 80 in a pipe."""
    if sys.stdout is None or not sys.stdout.isatty():
        return USUAL
    return min(max(shutil.get_terminal_size().columns, NARROW), WIDE)


def color_diff(text: str, options: Namespace) -> str:
    """Lines with - in red and with + in green, where colours are wanted."""
    wanted = not (options.no_color or os.environ.get("NO_COLOR"))
    if not (wanted and on_terminal(sys.stdout)):
        return text
    text = re.sub(r"^-.*", rf"{RED}\g<0>{PLAIN}", text, flags=re.MULTILINE)
    return re.sub(r"^\+.*", rf"{GREEN}\g<0>{PLAIN}", text, flags=re.MULTILINE)


def check_output(path: str | None) -> None:
    """Complain now, not after a long search, if `path` cannot be written."""
    if path is None:
        return
    target = Path(path)
    try:
        if not path or target.is_dir():
            raise IsADirectoryError(21, "Is a directory")
        # What is there must let itself be written, else the directory that gets it.
        if not target.exists():
            target = target.parent
            (target / "..").stat()  # raises if it is no directory
        if not os.access(target, os.W_OK):
            raise PermissionError(13, "Permission denied")
    except OSError as error:
        raise cannot_write(path, error) from None


def deliver(contents: str | bytes, path: str | None) -> None:
    """Print `contents`, or put them into the file `path`.

    A file appears under its name only when it is complete.
    """
    if path is None:
        try:
            if sys.stdout is not None:
                print_out(contents)
        except BrokenPipeError:  # the exit code still says what was found
            drop_output()
        return
    data = contents.encode("utf-8") if isinstance(contents, str) else contents
    try:
        if Path(path).exists() and not Path(path).is_file():
            Path(path).write_bytes(data)  # a device, or a pipe
        else:
            replace_file(Path(path).resolve(), data)
    except OSError as error:
        raise cannot_write(path, error) from None


def print_out(contents: str | bytes) -> None:
    if isinstance(contents, str):
        sys.stdout.write(contents)
    elif sys.stdout.isatty():
        raise Usage("a terminal cannot show this: write it to a file with -o FILE")
    else:
        sys.stdout.flush()
        sys.stdout.buffer.write(contents)
        sys.stdout.buffer.flush()


def print_json(value: Any) -> int:
    deliver(json.dumps(value) + "\n", None)
    return OK


def replace_file(target: Path, data: bytes) -> None:
    mode = target.stat().st_mode if target.exists() else 0o666 & ~current_umask()
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        Path(name).chmod(mode)
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink()
        raise


def cannot_write(path: str, error: OSError) -> Usage:
    why = os.strerror(error.errno) if error.errno else str(error)
    return Usage(f"cannot write {path!r}: {why}")


def current_umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
