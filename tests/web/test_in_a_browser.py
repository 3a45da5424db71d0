"""The page as a reader has it: opened as a file, in a real browser.

    KMM_PAGE=kmm.html KMM_SITE=site pytest tests/web/test_in_a_browser.py

KMM_PAGE is the one file that `python -m kmm.web.build` makes, KMM_SITE its folder.  The
tests go on where the one before has left the page, since opening it takes seconds.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from functools import cache, partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from web.browser import Browser, Page, browser, find_browser

from kmm.designs import find_kernel
from kmm.scenarios import find_race
from kmm.scenarios.play import Played, hunt, run
from kmm.sim.strategies import RoundRobin, SourceDpor

PAGE, SITE = os.environ.get("KMM_PAGE"), os.environ.get("KMM_SITE")
PROGRAM = find_browser()

if PAGE is None:
    pytest.skip("KMM_PAGE names no page (.ci/web does)", allow_module_level=True)
if PROGRAM is None:
    pytest.skip("there is no Chromium on PATH", allow_module_level=True)

SIZE = (1000, 700)
PROGRESS = "state/kmm/progress.json"
OURS = ("file:", "data:", "blob:")  # addresses that are no request to anybody


def address(fragment: str = "") -> str:
    assert PAGE is not None
    return Path(PAGE).absolute().as_uri() + (f"#{fragment}" if fragment else "")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    assert PROGRAM is not None
    with browser(PROGRAM) as found:
        yield found


@pytest.fixture(scope="module")
def page(chromium: Browser) -> Page:
    """On the first screen."""
    found = Page.open(chromium, address(), SIZE)
    found.sees("A page walk", "0/21")
    return found


@cache
def hunted() -> Played:
    """What a search finds in Python as it is here."""
    return hunt(find_race("exec-stack"), find_kernel("vanilla"), SourceDpor())


def fragment(page: Page) -> str:
    found: str = page.run("decodeURIComponent(location.hash.slice(1))")
    return found


def kept(page: Page) -> str:
    found: str = page.run(f"localStorage['kmm:{PROGRESS}'] ?? ''")
    return found


def pointed(page: Page) -> str:
    """The line of the contents that the pointer is at."""
    return next((line for line in page.lines() if line.lstrip().startswith(">")), "")


# The first screen.


def test_the_first_screen_is_the_contents_in_colour(page: Page) -> None:
    page.eventually(lambda: "A page walk" in pointed(page), "the first lesson")
    colours = (
        "(() => { const t = window.kmm.term, found = new Set();"
        "for (let y = 0; y < t.rows; y++) for (let x = 0; x < t.cols; x++)"
        "found.add(t.buffer.active.getLine(y).getCell(x).getFgColor());"
        "return found.size; })()"
    )
    page.eventually(lambda: page.run(colours) > 3, "more colours than black and white")


def test_keys_move_the_pointer(page: Page) -> None:
    page.press("down")
    page.eventually(lambda: "Faults and rights" in pointed(page), "the second lesson")
    page.press("k")
    page.eventually(lambda: "A page walk" in pointed(page), "the first lesson")


def test_a_click_on_a_key_at_the_bottom_is_as_good_as_the_key(page: Page) -> None:
    bottom = page.lines()[-1]
    page.click(bottom.index("? help"), len(page.lines()) - 1)
    page.sees("this help")
    page.press("escape")
    page.eventually(lambda: "this help" not in page.text(), "the help to close")


def test_the_terminal_is_as_large_as_the_window_lets_it_be(page: Page) -> None:
    before = page.run("[window.kmm.term.cols, window.kmm.term.rows]")
    page.resize(760, 500)
    page.eventually(
        lambda: "enter open" in page.lines()[-1] and len(page.lines()) < before[1],
        "the last row to be drawn in a smaller window",
    )
    assert page.run("window.kmm.term.cols") >= 80  # the letters are made smaller
    page.resize(*SIZE)
    page.eventually(
        lambda: (
            page.run("[window.kmm.term.cols, window.kmm.term.rows]") == before
            and "enter open" in page.lines()[-1]
        ),
        "the window to be as before",
    )


# A lesson, and what is kept of it.


def test_a_lesson_is_read_and_the_address_follows(page: Page) -> None:
    page.press("enter")
    page.sees("1. A page walk", "What you will know (1 of 9)")
    page.eventually(lambda: fragment(page) == "page-walk", "the lesson's address")
    page.press("right")
    page.sees("The idea (2 of 9)")
    page.eventually(lambda: "What you will know" in kept(page), "progress to be kept")


def test_after_a_reload_the_page_is_where_it_was_and_progress_is_there(
    page: Page,
) -> None:
    token = hunted().token
    page.run(f"location.hash = '{token}@7'")
    page.sees("exec-stack on kernel 2.6.34", "step 7 of")
    page.call("Page.reload")
    page.eventually(lambda: page.run("window.kmm?.isReady === false"), "a new page")
    page.sees("exec-stack on kernel 2.6.34", "step 7 of")
    page.press("q")
    page.sees("1 [.] A page walk", "1/9")
    page.eventually(lambda: fragment(page) == "", "the address of the contents")


def test_progress_goes_to_a_file_and_comes_from_one(page: Page, tmp_path: Path) -> None:
    page.browser.call(
        "Browser.setDownloadBehavior", behavior="allow", downloadPath=str(tmp_path)
    )
    page.run("document.getElementById('save').click()")
    saved = tmp_path / "progress.json"
    page.eventually(saved.exists, "a download")
    progress = json.loads(saved.read_text())
    assert progress["lessons"]["page-walk"]["read"] == ["What you will know"]
    progress["lessons"]["page-walk"]["read"].append("The idea")
    give(page, saved, json.dumps(progress))
    page.sees("2/9")
    give(page, saved, "[]")
    page.eventually(
        lambda: "no progress of kmm's" in page.run("document.body.innerText"),
        "a refusal",
    )
    page.sees("2/9")


def give(page: Page, path: Path, text: str) -> None:
    path.write_text(text)
    document = page.call("DOM.getDocument")["root"]["nodeId"]
    node = page.call("DOM.querySelector", nodeId=document, selector="#file")["nodeId"]
    page.call("DOM.setFileInputFiles", nodeId=node, files=[str(path)])


# A run, and a search.


def test_an_address_that_is_followed_opens_its_moment(page: Page) -> None:
    token = hunted().token
    page.run(f"location.hash = '{token}@5'")
    page.sees("step 5 of", "exec-stack")
    page.press("space")
    page.sees("step 6 of")
    page.eventually(lambda: fragment(page) == f"{token}@6", "the address to follow")


def test_an_address_that_names_nothing_is_refused_in_words(page: Page) -> None:
    page.run("location.hash = 'exec-stck'")
    page.sees("did you mean")


def test_a_hunt_finds_what_it_finds_anywhere(page: Page) -> None:
    page.press("s")
    page.sees("As short as can be, it takes")
    page.press("enter")
    page.eventually(lambda: fragment(page) == f"{hunted().token}@0", "the same run")


def test_a_search_is_stopped_while_it_goes_on(page: Page) -> None:
    page.run("location.hash = 'retry-livelock'")
    page.sees("retry-livelock on kernel 2.6.34", "step 0 of")
    page.press("s")
    page.sees("executions so far, none failed")
    page.press("escape")
    page.sees("interrupted after")
    page.press("escape")


def test_a_fixed_kernel_is_proved_by_as_many_executions_as_anywhere(
    page: Page,
) -> None:
    race, fixed = find_race("exec-stack"), find_kernel("v6")
    page.run(f"location.hash = '{run(race, fixed, RoundRobin()).token}'")
    page.sees("exec-stack on kernel v6")
    page.press("s")
    proof = hunt(race, fixed, SourceDpor())
    page.sees(f"proved by {proof.coverage.executions:,} executions")
    page.press("escape")


def test_nothing_was_asked_of_anybody(page: Page) -> None:
    page.listen()
    assert [url for url in page.requests if not url.startswith(OURS)] == []
    assert page.complaints == []


def test_what_would_ask_somebody_is_refused_and_would_be_seen(page: Page) -> None:
    page.run("fetch('http://127.0.0.1:9/').catch(() => 0)")
    page.eventually(lambda: page.complaints, "a complaint")
    assert "Content Security Policy" in page.complaints.pop()


# Other ways to open it.


def test_a_browser_that_is_too_old_is_told_what_it_lacks(chromium: Browser) -> None:
    page = Page.open(chromium, "about:blank", SIZE)
    without = "delete window.DecompressionStream"
    page.call("Page.addScriptToEvaluateOnNewDocument", source=without)
    page.go(address())
    page.sees("too old for kmm", "DecompressionStream")


@pytest.mark.skipif(SITE is None, reason="KMM_SITE names no folder")
def test_the_folder_is_the_same_page_behind_a_web_server(chromium: Browser) -> None:
    handler = partial(SimpleHTTPRequestHandler, directory=SITE)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        here = f"http://127.0.0.1:{server.server_port}/"
        page = Page.open(chromium, here, SIZE)
        page.sees("A page walk", "0/21")
        page.listen()
        asked = [url for url in page.requests if not url.startswith(OURS)]
        assert asked
        assert all(url.startswith(here) for url in asked)
        server.shutdown()
