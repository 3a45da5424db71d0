"""Called by worker.js when Python has started."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path

from .app import PageApp
from .kept import Kept
from .page import Page


def make_app(page: Page, files: str, asked: str) -> PageApp:
    """The textbook; `files` is JSON: what was kept, by name."""
    keep_usual_tasks(asyncio.get_event_loop())
    kept = Kept(Path(os.environ["HOME"]), page)
    kept.bring_back(json.loads(files))
    return PageApp(page, kept, asked)


def keep_usual_tasks(loop: asyncio.AbstractEventLoop) -> None:
    """Textual asks for eager tasks, where there are any.

    Pyodide's loop (314.0) has them and fails when it makes one; without, all goes as
    on Python 3.11.
    """
    loop.set_task_factory = ignore  # type: ignore[method-assign]


def ignore(factory: object) -> None:
    """Tasks stay as they are."""
