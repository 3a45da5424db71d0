"""A recorded run in the formats of other programs, a module for each.

Called by `kmm replay`, `run`, `hunt` and `prove` with `--export`, and by `kmm.api`.
Nothing is asked of a clock or of chance, so the same run makes the same bytes.

Reading order: `run` (what is exported), `wakeups` (who let whom go on), `calls` (who
was in which function), then a module for each format.  A new one is a module with a
function from `ExportedRun` to the contents of a file, and a line in `EXPORTS`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from attrs import frozen

from ...scenarios.play import Played
from .cast import cast_lines
from .dot import dot_graph
from .json_lines import json_events
from .mermaid import mermaid_diagram
from .perfetto import perfetto_trace
from .plain import plain_text
from .png import library, png_picture
from .run import ExportedRun, ExportError, exported
from .svg import svg_picture
from .whole_json import json_object


@frozen
class Export:
    """One format."""

    told: str  # what it is, for --help and docs/exports.md
    make: Callable[[ExportedRun], str | bytes]
    of_moment: bool = False  # whether it shows one moment, rather than the run
    check: Callable[[], object] = object  # raises ExportError if it cannot be made


EXPORTS: Mapping[str, Export] = {
    "perfetto": Export(
        "a trace for ui.perfetto.dev: CPUs, locks, wakes", perfetto_trace
    ),
    "mermaid": Export("a sequence diagram of the steps that matter", mermaid_diagram),
    "json": Export("every step, and the state after each, in one object", json_object),
    "jsonl": Export("an event a line: each step, and what it changed", json_events),
    "svg": Export("a picture of a moment: the drawing, and memory", svg_picture, True),
    "png": Export("the same as pixels; needs resvg-py", png_picture, True, library),
    "cast": Export("an asciinema recording: the drawing as it grows", cast_lines),
    "dot": Export("VMAs, anon_vmas, pages of a moment, for Graphviz", dot_graph, True),
    "text": Export("the oops and the drawing", plain_text),
}


def export(name: str, played: Played, at: int | None = None) -> str | bytes:
    """The contents of a file; `at` is the moment, if not the end.

    Raises KeyError if there is no such format, and ExportError.
    """
    return EXPORTS[name].make(exported(played, at))


__all__ = ["EXPORTS", "Export", "ExportError", "ExportedRun", "export", "exported"]
