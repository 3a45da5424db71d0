"""Python's search for garbage in cycles, which a long run can do without."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def no_collections() -> Iterator[None]:
    """Python looks for garbage in cycles before and after, and not meanwhile.

    A run leaves next to none, and has a machine's worth of pages to look through.
    """
    were_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if were_on:
            gc.enable()
