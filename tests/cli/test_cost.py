"""`kmm cost` on the command line."""

from __future__ import annotations

import json

import pytest
from cli.running import kmm

SMALL = ("cost", "-q", "--most", "10")


def test_both_questions_are_answered_unless_one_is_asked_for() -> None:
    both = kmm(*SMALL).out
    walk = kmm(*SMALL, "rmap-walk").out
    execs = kmm(*SMALL, "exec-stack").out
    assert both == f"{walk}\n\n{execs}"


def test_numbers_go_no_further_than_asked() -> None:
    found = json.loads(kmm(*SMALL, "rmap-walk", "--json").out)
    assert found["exec-stack"] == []
    assert max(row["children"] for row in found["rmap-walk"]) <= 10


def test_the_same_counts_come_out_every_time() -> None:
    assert kmm(*SMALL, "--json").out == kmm(*SMALL, "--json").out


def test_a_plot_is_drawn_when_it_is_asked_for() -> None:
    plain, drawn = kmm(*SMALL, "rmap-walk").out, kmm(*SMALL, "rmap-walk", "--plot").out
    assert drawn.startswith(plain.rstrip("\n"))
    assert len(drawn) > len(plain)


@pytest.mark.parametrize(
    "words", [("--most", "0"), ("--most", "many"), ("no-such-question",)]
)
def test_what_makes_no_sense_is_refused_with_what_would(words: tuple[str, ...]) -> None:
    ran = kmm("cost", *words)
    assert ran.code == 2
    assert ran.out == ""
    assert len(ran.err.splitlines()) == 1
