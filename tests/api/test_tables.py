"""Tables, listings, walks and lessons."""

from __future__ import annotations

import pytest
from api.pages import page
from cli.running import kmm as command

import kmm
from kmm.api import Table
from kmm.api.chapters import fenced
from kmm.course import lessons
from kmm.scenarios import RACES


def test_a_table_is_its_rows_and_one_is_had_by_place_or_by_name() -> None:
    table = Table(
        "things", [{"name": "a", "n": 1}, {"name": "b", "n": 2}], ["name", "n"]
    )
    assert list(table) == [{"name": "a", "n": 1}, {"name": "b", "n": 2}]
    assert (table[1], table["b"]) == (table.rows[1], table.rows[1])
    with pytest.raises(KeyError):
        table["c"]
    assert repr(table) == "<kmm table: things, 2 rows>"
    assert str(table) == "name  n\na     1\nb     2"


def test_a_table_is_cut_to_80_columns_where_it_is_widest() -> None:
    rows = [{"name": "x" * 50, "why": "y" * 90, "n": 7}]
    head, row = str(Table("wide", rows, ["name", "why", "n"])).splitlines()
    assert len(row) <= 80
    assert row.endswith("...  7")
    assert head.split() == ["name", "why", "n"]


def test_a_table_escapes_what_is_in_it() -> None:
    table = Table(
        "<i>", [{"a<b": "<script>x</script>", "verdict": "bug"}], ["a<b", "verdict"]
    )
    assert page(table).texts[:4] == ["<i>", "a<b", "verdict", "<script>x</script>"]


def test_an_empty_table_can_be_shown() -> None:
    empty = Table("nothing", [], ["a", "b"])
    assert str(empty) == "a  b"
    assert page(empty).text == "nothingab"


def test_listings_have_what_the_commands_list() -> None:
    assert [row["name"] for row in kmm.races()] == [*RACES]
    listed = command("list", "kernels", "--json").json["kernels"]
    assert list(kmm.kernels()) == listed
    assert len(kmm.lessons()) == len(lessons())
    for question in kmm.questions():
        named = [row["name"] for row in kmm.designs_of(question["name"])]
        assert named == question["answers"]
    for table in (kmm.races(), kmm.kernels(), kmm.questions(), kmm.lessons()):
        assert page(table).tags.count("tr") == len(table) + 1
        assert max(map(len, str(table).splitlines())) <= 80


def test_an_unknown_question_is_a_value_error() -> None:
    with pytest.raises(ValueError, match="did you mean exec-stack"):
        kmm.designs_of("exec-stak")


def test_a_matrix_has_a_row_for_each_cell_and_shows_all_of_them() -> None:
    table = kmm.matrix(["tlb-stale", "tlb-flushed"], ["2.6.34", "v6"], cache=False)
    assert [(row["race"], row["kernel"]) for row in table] == [
        ("tlb-stale", "2.6.34"),
        ("tlb-stale", "v6"),
        ("tlb-flushed", "2.6.34"),
        ("tlb-flushed", "v6"),
    ]
    assert table.verdict("tlb-stale", "v6") == "bug"
    assert "tlb-flushed  N" in str(table)
    shown = page(table).texts
    assert shown[:4] == ["race", "2.6.34", "v6", "tlb-stale"]
    assert shown[4].startswith("S ")


def test_a_diff_is_the_commands() -> None:
    found = kmm.diff("v5", "v6")
    assert f"{found}\n" == command("diff", "v5", "v6").out
    assert page(found).text.endswith(found)


def test_a_walk_is_the_commands() -> None:
    walk = kmm.walk(0x7FFFFFFFE123, example="read-only", access="write")
    options = ("7fffffffe123", "--example", "read-only", "--write")
    assert f"{walk}\n" == command("mmu", "walk", *options).out
    assert walk.json() == command("mmu", "walk", *options, "--json").json
    shown = page(walk)
    assert shown.tags.count("tr") == 5
    assert "R/W is 0 in the PTE" in shown.text


def test_a_walk_that_ends_well_has_a_physical_address() -> None:
    walk = kmm.walk(0x7FFFFFFFE123, user=False)
    assert walk.physical == 0x5123
    assert walk.fault is None
    assert repr(walk).endswith("physical address 0x5123>")


def test_an_entry_is_decoded_as_by_the_command() -> None:
    found = kmm.decode(0x83E, level="pte")
    assert f"{found}\n" == command("mmu", "decode", "83e").out


@pytest.mark.parametrize(
    ("call", "cause"),
    [
        (lambda: kmm.walk(1 << 64), "up to 64 bits"),
        (lambda: kmm.walk(0, access="x"), "an access is read, write, fetch"),
        (lambda: kmm.walk(0, memory="/nonexistent"), "cannot read"),
        (lambda: kmm.decode(0, level="ptee"), "has no level 'ptee'"),
        (lambda: kmm.decode(1 << 33, mode="32"), "longer than the 4 bytes"),
        (lambda: kmm.diff("v5", "v99"), "v99"),
        (lambda: kmm.lesson("no-such"), "no lesson is called"),
    ],
)
def test_bad_input_is_a_value_error(call: object, cause: str) -> None:
    assert callable(call)
    with pytest.raises(ValueError, match=cause):
        call()


def test_a_lesson_prints_as_the_command_does_and_shows_itself_as_markdown() -> None:
    lesson = kmm.lesson(1)
    assert (lesson.name, lesson.title) == ("page-walk", "A page walk")
    assert str(lesson) == command("lesson", "1").out
    told = lesson._repr_markdown_()
    assert told.startswith("# 1. A page walk\n")
    assert "```python\n" in told
    assert lesson.run().race == "lesson.page-walk"


@pytest.mark.parametrize("number", range(1, len(lessons()) + 1))
def test_every_lesson_can_be_shown_and_every_fence_is_closed(number: int) -> None:
    told = kmm.lesson(number)._repr_markdown_()
    assert told.count("\n```") % 2 == 0


def test_a_fence_is_longer_than_those_inside() -> None:
    assert fenced("a\n```\nb") == "````text\na\n```\nb\n````"
