"""Programs that do not tell version 5 from version 6."""

from __future__ import annotations

from exercises.submissions import changed, solution, starter
from exercises.wrong import Wrong

NAME = "sent-back"


WRONG = {
    "one cut is not enough": Wrong(starter(NAME), "sent-back", "v5: none of"),
    "not forked": Wrong(
        changed(NAME, ("forked = true", "forked = false")),
        "sent-back",
        "v5: none of",
    ),
    "only a page is read": Wrong(
        changed(NAME, ("munmap 1 1", "read 0")), "sent-back", "v5: none of"
    ),
    "version 6 loses an entry here": Wrong(
        solution("tell-apart"), "waits", "v6: kernel BUG at include/linux/swapops"
    ),
    "the program goes beyond its memory": Wrong(
        changed(NAME, ("munmap 1 1", "munmap 1 3")),
        None,
        "pages is 3, and should be 1 to 2",
    ),
}
