"""The oops and the drawing, as text."""

from __future__ import annotations

from ..interleaving import lanes
from ..oops import oops
from .run import ExportedRun


def plain_text(run: ExportedRun) -> str:
    console = oops(run.recording, run.played.kernel.name)
    drawing = "\n".join(lanes(run.recording))
    return f"{console}\n\n{drawing}\n" if console else f"{drawing}\n"
