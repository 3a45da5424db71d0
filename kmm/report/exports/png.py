"""The picture of a moment (`svg`) as PNG, by the library resvg-py."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from .run import ExportedRun, ExportError
from .svg import svg_picture

SCALE = 2  # pixels of the picture for each of the SVG's, for a screen or a slide
FAMILY = "DejaVu Sans Mono"  # if the system has it; else whatever it calls monospace


def png_picture(run: ExportedRun) -> bytes:
    """Raises ExportError if the library is missing, or the system has no font."""
    draws = library().svg_to_bytes
    return bytes(draws(svg_string=svg_picture(run), zoom=SCALE))


def library() -> Any:
    """What draws, once it is known to draw words.  Raises ExportError."""
    try:
        resvg = import_module("resvg_py")
    except ImportError:
        raise ExportError(
            "a PNG needs the library resvg-py: pip install 'kmm-lab[png]', or export "
            "svg, which needs none"
        ) from None
    draws = resvg.svg_to_bytes
    if draws(svg_string=probe("x")) == draws(svg_string=probe("")):
        raise ExportError(
            "this system has no fonts, so a PNG would have no words in it: install "
            "one (fonts-dejavu-core on Debian), or export svg"
        )
    return resvg


def probe(text: str) -> str:
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" width="20" height="20">'
        f'<text x="2" y="16" font-family="{FAMILY}, monospace">{text}</text></svg>'
    )
