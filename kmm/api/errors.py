"""Bad input, as a program has it: a ValueError with the line that a command prints."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import BrokenExecutor
from contextlib import contextmanager

from ..cli.exits import GivenUp, Usage
from ..report.exports import ExportError
from ..scenarios.found import BrokenPlugin
from ..sim.state import Unmergeable


@contextmanager
def plainly() -> Iterator[None]:
    """Whatever the rooms below complain of becomes a ValueError."""
    try:
        yield
    except (Usage, GivenUp, ExportError, BrokenPlugin) as error:
        raise ValueError(str(error)) from None
    except Unmergeable as error:
        raise ValueError(f"{error}: use the strategy dpor") from None
    except BrokenExecutor:
        raise ValueError("a worker was killed: try fewer workers") from None
