"""A crash of the screen is written to a file; the terminal gets one line.

Called by `app`.
"""

from __future__ import annotations

import os
import platform
import time
import traceback
from pathlib import Path

from .. import __version__


def state_folder() -> Path:
    """Where programs keep state, by the XDG rules."""
    home = os.environ.get("XDG_STATE_HOME", "")
    base = Path(home) if Path(home).is_absolute() else Path.home() / ".local" / "state"
    return base / "kmm"


def report_crash(error: BaseException, where: str) -> str:
    """Write what happened to a file; return the line that says so.

    `where` is the schedule and the step that were shown.  Local variables stay out.
    """
    text = "".join(
        [
            f"kmm {__version__}, Python {platform.python_version()}, "
            f"{platform.system()}\n{where}\n\n",
            *traceback.format_exception(error),
        ]
    )
    path = state_folder() / time.strftime("crash-%Y%m%d-%H%M%S.txt")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as problem:
        return (
            f"kmm: the screen crashed: {error!r} (no report could be written to "
            f"{path}: {problem.strerror})"
        )
    return f"kmm: the screen crashed; a report is in {path}"
