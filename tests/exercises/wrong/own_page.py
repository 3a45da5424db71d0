"""Tests that both versions pass, or that both fail."""

from __future__ import annotations

from exercises.submissions import changed, starter
from exercises.wrong import Wrong

NAME = "own-page"

WRONG = {
    "nothing changes": Wrong(starter(NAME), "loses", "v6: none of"),
    "the page is the parent's too": Wrong(
        changed(NAME, ("rewritten = true", "rewritten = false")),
        "keeps",
        "v5: kernel BUG at include/linux/swapops.h:105!",
    ),
    "not forked": Wrong(
        changed(NAME, ("forked = true", "forked = false")), "loses", "v6: none of"
    ),
    "the page is not at the boundary": Wrong(
        changed(NAME, ("written = 1", "written = 2"), ('"read 1"', '"read 2"')),
        "loses",
        "v6: none of",
    ),
    "no word whether it was rewritten, but a number": Wrong(
        changed(NAME, ("rewritten = true", "rewritten = 1")),
        None,
        "rewritten is missing, or is no bool",
    ),
}
