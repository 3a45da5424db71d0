"""Where results go: standard output, or a file that is written whole or not at all."""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from .main import Usage

NARROW, WIDE = 80, 120


def print_json(value: Any) -> None:
    print(json.dumps(value))


def text_width() -> int:
    """Columns for drawings: those of the terminal, within reason; 80 in a pipe."""
    if not sys.stdout.isatty():
        return NARROW
    return min(max(shutil.get_terminal_size().columns, NARROW), WIDE)


def deliver(text: str, path: str | None) -> None:
    """Print `text`, or put it into the file `path`.

    The file appears under its name only when it is complete.
    """
    if path is None:
        sys.stdout.write(text)
        return
    target = Path(path)
    try:
        if target.is_dir():
            raise IsADirectoryError(21, "Is a directory")
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
            os.chmod(name, 0o666 & ~current_umask())
            os.replace(name, target)
        except BaseException:
            os.unlink(name)
            raise
    except OSError as error:
        why = os.strerror(error.errno) if error.errno else str(error)
        raise Usage(f"cannot write {path}: {why}") from None


def current_umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
