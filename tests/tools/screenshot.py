"""Take the pictures of README.md and docs/ from the real app.

    python tests/tools/screenshot.py [--only NAME]    those of docs/pictures/
    python tests/tools/screenshot.py --png FOLDER     also as PNGs, to look at them

PNGs need resvg-py (pip install resvg-py) and the font DejaVu Sans Mono.
The tests take each picture anew, and compare it with what is there.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[2])]

from tui import scenes  # noqa: E402

FOLDER = Path(__file__).parents[2] / "docs" / "pictures"
LIGHT, DARK = "textual-light", "textual-dark"
SMALL, MIDDLE, LARGE = (80, 24), (100, 30), (120, 40)
PICTURES = {
    "contents": (scenes.contents, SMALL, LIGHT),
    "lesson": (scenes.question, SMALL, LIGHT),
    "race": (scenes.moved, LARGE, DARK),
    "oops": (scenes.failed, MIDDLE, DARK),
    "frames": (scenes.frames, MIDDLE, DARK),
    "matrix": (scenes.matrix, MIDDLE, LIGHT),
    "stress": (scenes.stress, SMALL, DARK),
}
# Fonts that most systems have, instead of one that would be fetched, and whose
# ligatures make one sign of ->, or of 0x0.
FETCHED_FONTS = re.compile(r"@font-face \{.*?\}\s*", re.S)
FETCHED_FONT = "Fira Code"
FONTS = "DejaVu Sans Mono, Menlo, Consolas"
# What moves with every line of source: line numbers, how much room they take, and an id
# that is made of all that there is.
MOVING = re.compile(
    r'terminal-\d+|textLength="[\d.]+"|(?<=\.py:)\d+|(?<=&#160;)\d+(?=&#160;)'
)


def take(name: str) -> str:
    """A picture, as SVG."""
    scene, size, theme = PICTURES[name]

    async def svg() -> str:
        with TemporaryDirectory() as folder:
            app = scenes.app_in(Path(folder), theme)
            async with app.run_test(size=size, notifications=True) as pilot:
                await scene(pilot, Path(folder))
                await scenes.settled(pilot)
                return app.export_screenshot(title="kmm", simplify=True)

    return FETCHED_FONTS.sub("", asyncio.run(svg())).replace(FETCHED_FONT, FONTS)


def path_of(name: str) -> Path:
    return FOLDER / f"{name}.svg"


def keep(name: str, svg: str) -> None:
    FOLDER.mkdir(exist_ok=True)
    path_of(name).write_text(svg, encoding="utf-8")


def is_current(name: str) -> bool:
    """Whether the picture that is kept shows what there is to see now."""
    kept = path_of(name).read_text(encoding="utf-8")
    return MOVING.sub("", kept) == MOVING.sub("", take(name))


def write_png(svg: str, path: Path) -> None:
    import resvg_py

    fonts = svg.replace(FONTS, FONTS.partition(",")[0])
    path.write_bytes(bytes(resvg_py.svg_to_bytes(svg_string=fonts)))


def main() -> None:
    parser = argparse.ArgumentParser(description="Take the pictures of docs/.")
    parser.add_argument("--only", choices=PICTURES, help="no other than this one")
    parser.add_argument("--png", type=Path, metavar="FOLDER", help="PNGs there too")
    options = parser.parse_args()
    for name in [options.only] if options.only else PICTURES:
        svg = take(name)
        keep(name, svg)
        if options.png is not None:
            options.png.mkdir(exist_ok=True)
            write_png(svg, options.png / f"{name}.png")


if __name__ == "__main__":
    main()
