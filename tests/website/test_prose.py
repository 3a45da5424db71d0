from __future__ import annotations

import pytest
from website.prose import from_docstring, linked, literal


def test_names_of_the_model_lead_to_their_place() -> None:
    assert linked("ask `rmap.vma_address` first", "kmm.mm.migrate") == (
        "ask {py:obj}`rmap.vma_address <kmm.mm.rmap.vma_address>` first"
    )
    assert linked("see `kmm/mm/rmap.py`") == (
        "see {py:obj}`kmm/mm/rmap.py <kmm.mm.rmap>`"
    )


@pytest.mark.parametrize(
    "text",
    [
        "a `word` and a `kmm hunt exec-stack`",
        "```\n`rmap.vma_address`\n```",
        "[`kmm.mm.rmap`](memory.md)",
        "``kmm.mm.rmap``",
    ],
)
def test_what_is_no_name_or_is_shown_as_it_is_stays(text: str) -> None:
    assert linked(text, "kmm.mm") == text


def test_columns_stay_columns() -> None:
    text = "`sim`        time\n`hw`         the MMU"
    assert from_docstring(text, "kmm") == f"```text\n{text}\n```"


def test_a_sign_is_not_a_tag() -> None:
    assert from_docstring("an <entry> and `a<b>`", "kmm") == r"an \<entry> and `a<b>`"


def test_a_fence_is_longer_than_those_that_it_holds() -> None:
    assert literal("```\ncode\n```") == "````text\n```\ncode\n```\n````"
