"""Take the picture of the screen that the README shows, from the real app.

python tests/tools/screenshot.py [-o docs/screen.svg]
"""

from __future__ import annotations

import argparse
import asyncio
import re
from pathlib import Path

from kmm.designs import find_kernel
from kmm.scenarios import find_race
from kmm.tui.app import KmmApp
from kmm.tui.session import Session, open_session

ROOT = Path(__file__).parents[2]
SIZE = (120, 40)
# A font that most systems have, instead of one that would be fetched.
FETCHED_FONTS = re.compile(r"@font-face \{.*?\}\s*", re.S)
FONT = "DejaVu Sans Mono, Menlo, Consolas"


def lowered(session: Session) -> int:
    """The moment after exec has lowered the start of the stack."""
    return 1 + next(
        step.number
        for step in session.recording.steps
        if step.target.endswith(".vm_start") and step.kind == "write"
    )


async def picture() -> str:
    session = open_session(find_race("exec-stack"), find_kernel("2.6.34"))
    session.go(lowered(session))
    app = KmmApp(session)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.pause(0.5)
        svg = app.export_screenshot(title="kmm")
    return FETCHED_FONTS.sub("", svg).replace("Fira Code", FONT)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", "--output", type=Path, default=ROOT / "docs/screen.svg")
    options = parser.parse_args()
    options.output.write_text(asyncio.run(picture()), encoding="utf-8")


if __name__ == "__main__":
    main()
