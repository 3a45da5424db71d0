"""Who is visited, and who has the page, mixed up."""

from __future__ import annotations

from exercises.pencil import mistake, right

NAME = "who-maps-it"


def backwards(names: str) -> str:
    return " ".join(reversed(names.split()))


WRONG = {
    "each visit is taken for an entry": mistake(
        NAME, "mapcount", "x_mapcount", str(len(right(NAME, "x_visited").split()))
    ),
    "only those are visited that have an entry": mistake(
        NAME, "visited", "x_visited", right(NAME, "x_found")
    ),
    "the youngest is visited first": mistake(
        NAME, "visited", "x_visited", backwards(right(NAME, "x_visited"))
    ),
    "a child's page belongs to its parent's anon_vma": mistake(
        NAME, "own", "y_anon_vma", "P"
    ),
}
