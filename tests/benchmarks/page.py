"""The page in a browser: its size, the time to its first screen, and a key's to paint.

    python tests/benchmarks/page.py kmm.html [--opened 5] [--keys 200]

Takes Chromium on PATH, and a page that `python -m kmm.web.build` has made.  Each time
it is opened by a fresh browser with a fresh profile.  A key's time is from the event in
the browser to the frame in which the terminal has drawn what came of it.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[2])]

from web.browser import Browser, Page, browser, find_browser  # noqa: E402

SIZE = (1000, 700)
RUN = "exec-stack/2.6.34/48a30b8a19b/3ab2@1"

# From a key to the frame after the terminal has drawn.
WATCH = """
window.times = []; window.pressed = null;
addEventListener("keydown", () => { window.pressed = performance.now(); }, true);
window.kmm.term.onRender(() => {
  const from = window.pressed;
  if (from === null) return;
  window.pressed = null;
  requestAnimationFrame(() => setTimeout(() => times.push(performance.now() - from)));
});
0
"""


def main() -> None:
    options = parser().parse_args()
    program = find_browser()
    if program is None:
        sys.exit("there is no Chromium on PATH")
    size = options.page.stat().st_size
    print(f"size               {size / 1e6:.1f} MB")
    opened = []
    for _ in range(options.opened):
        with browser(program) as found:
            opened.append(time_to_first_screen(found, options.page))
    print(f"to first screen    {told(opened, 's', 1)}")
    with browser(program) as found:
        page = Page.open(found, options.page.absolute().as_uri(), SIZE)
        page.sees("A page walk")
        page.run(WATCH)
        moves = keys(page, ("down", "up"), options.keys)
        print(f"pointer moved      {told(moves, 'ms', 0)}")
        page.run(f"location.hash = '{RUN}'")
        page.sees("step 1 of")
        steps = keys(page, ("space", "p"), options.keys)
        print(f"a step             {told(steps, 'ms', 0)}")


def parser() -> argparse.ArgumentParser:
    found = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    found.add_argument("page", type=Path, help="the one file")
    found.add_argument("--opened", type=int, default=5, help="how often it is opened")
    found.add_argument("--keys", type=int, default=200, help="of each kind")
    return found


def time_to_first_screen(found: Browser, path: Path) -> float:
    """Seconds from when the browser begins to read the page."""
    page = Page.open(found, path.absolute().as_uri(), SIZE)
    page.sees("A page walk")
    milliseconds: float = page.run(
        "performance.getEntriesByName('kmm-first-screen')[0].startTime"
    )
    return milliseconds / 1000


def keys(page: Page, names: Sequence[str], number: int) -> list[float]:
    """Milliseconds of each key, one after the other."""
    page.run("times.length = 0")
    for n in range(number):
        page.press(names[n % len(names)])
        page.eventually(lambda n=n: page.run("times.length") > n, "a frame")  # type: ignore[misc]
    found: list[float] = page.run("times")
    return found


def told(values: Sequence[float], unit: str, digits: int) -> str:
    ordered = sorted(values)
    p95 = ordered[min(len(ordered) - 1, round(0.95 * len(ordered)))]
    middle = statistics.median(ordered)
    return (
        f"median {middle:.{digits}f} {unit}, p95 {p95:.{digits}f} {unit}, "
        f"least {ordered[0]:.{digits}f} {unit} ({len(ordered)})"
    )


if __name__ == "__main__":
    main()
