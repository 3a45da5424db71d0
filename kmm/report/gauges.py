"""A machine at work, as bars and as a curve of one line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

from ..workloads.gauges import Gauges

LEVELS = "▁▂▃▄▅▆▇█"
MOST_PARTS = 8  # of a character's width, by which a bar can end
PARTS = " ▏▎▍▌▋▊▉"


def bar(share: float, width: int) -> str:
    """In brackets, for plain characters alone."""
    full = round(min(1.0, max(0.0, share)) * width)
    return f"[{'#' * full}{'.' * (width - full)}]"


def smooth_bar(share: float, width: int) -> str:
    """As long as its share of `width` columns; what is not nothing can be seen."""
    eighths = round(min(1.0, max(0.0, share)) * width * MOST_PARTS)
    full, rest = divmod(max(eighths, int(share > 0)), MOST_PARTS)
    return f"{LEVELS[-1] * full}{PARTS[rest].strip()}"


def spark(values: Sequence[int], width: int) -> str:
    """The last `width` values, each as a block as high as its share of the highest."""
    shown = values[-width:] if width > 0 else []
    most = max(shown, default=0)
    return "".join(
        " " if not value else LEVELS[round(value / most * (len(LEVELS) - 1))]
        for value in shown
    )


def rates(history: Sequence[Gauges], event: str) -> list[int]:
    """How much of something was counted from each moment to the next."""
    return [b.events[event] - a.events[event] for a, b in pairwise(history)]


def named_numbers(numbers: Mapping[str, int]) -> str:
    return "  ".join(f"{name} {number:,}" for name, number in numbers.items())
