"""Bad input, as a program has it: a ValueError with the line that a command prints."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ..cli.exits import GivenUp, Usage
from ..report.exports import ExportError
from ..scenarios.found import BrokenPlugin


@contextmanager
def plainly() -> Iterator[None]:
    """Whatever the rooms below complain of becomes a ValueError."""
    try:
        yield
    except (Usage, GivenUp, ExportError, BrokenPlugin) as error:
        raise ValueError(str(error)) from None
