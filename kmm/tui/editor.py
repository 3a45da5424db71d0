"""The user's own editor: which it is, and a file opened in it.

`$VISUAL`, else `$EDITOR`, else one that most systems have.
"""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path
from types import FrameType

USUAL = ("sensible-editor", "nano", "vim", "vi")


class NoEditor(Exception):
    """No editor can be opened; the message says why, and what to do."""


def editor(environment: Mapping[str, str] = os.environ) -> list[str]:
    """The command of an editor, as words.  Raises NoEditor."""
    for name in "VISUAL", "EDITOR":
        command = environment.get(name, "").strip()
        if command:
            try:
                return shlex.split(command)
            except ValueError as error:
                raise NoEditor(f"{name} is {command!r}: {error}") from None
    path = environment.get("PATH")
    found = next((one for one in USUAL if shutil.which(one, path=path)), None)
    if found is None:
        raise NoEditor("no editor was found; set VISUAL or EDITOR to one")
    return [found]


def edit(path: Path) -> None:
    """Open a file, and wait until the editor is closed.  Raises NoEditor."""
    command = editor()
    before = signal.signal(signal.SIGINT, not_for_us)
    try:
        ended = subprocess.run([*command, str(path)], check=False)  # noqa: S603 - theirs
    except OSError as error:
        raise NoEditor(f"{command[0]} cannot be opened: {error.strerror}") from None
    finally:
        signal.signal(signal.SIGINT, before)
    if ended.returncode:
        raise NoEditor(f"{command[0]} ended with exit code {ended.returncode}")


def not_for_us(_: int, __: FrameType | None) -> None:
    """Ctrl-C in an editor reaches all who share its terminal; it means the editor."""
