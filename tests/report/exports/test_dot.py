"""The graph of a moment in Graphviz's language."""

from __future__ import annotations

import re

import pytest
from report.exported import PLAYED, failing, run

from kmm.report.exports.dot import dot_graph, lines_left, quoted

STRING = r'"(?:[^"\\\n]|\\["\\l])*"'
VALUE = rf"(?:{STRING}|\w+)"
ATTRIBUTES = rf"\[\w+={VALUE}(?:, \w+={VALUE})*\]"
# Of the grammar, what is used here.
STATEMENT = re.compile(
    rf" *(?:digraph kmm {{|subgraph cluster_\d+ {{|}}"
    rf"|\w+={VALUE};(?: \w+={VALUE};)*"
    rf"|(?:node|edge) {ATTRIBUTES};"
    rf"|{STRING} {ATTRIBUTES};"
    rf"|{STRING} -> {STRING} {ATTRIBUTES};)"
)


@pytest.mark.parametrize("which", PLAYED)
@pytest.mark.parametrize("at", [0, None])
def test_every_line_is_a_statement_and_braces_pair(which: str, at: int | None) -> None:
    text = dot_graph(run(PLAYED[which](), at))
    depth = 0
    for line in text.splitlines():
        assert STATEMENT.fullmatch(line), line
        depth += line.endswith("{") - (line.strip() == "}")
        assert depth >= 0
    assert depth == 0


@pytest.mark.parametrize("which", PLAYED)
def test_edges_join_nodes_that_are_declared(which: str) -> None:
    text = dot_graph(run(PLAYED[which]()))
    declared = set(re.findall(rf"^ +({STRING}) \[", text, re.MULTILINE))
    for edge in re.findall(rf"({STRING}) -> ({STRING})", text):
        assert {*edge} <= declared


def test_at_the_start_an_entry_leads_to_the_page_and_the_page_to_its_anon_vma() -> None:
    text = dot_graph(run(failing(), 0))
    assert '"vma#1" -> "anon_vma#1" [label="chain"];' in text
    assert '"vma#1" -> "page 0xc" [label="entry"];' in text
    assert '"page 0xc" -> "anon_vma#1" [label="mapping", style=dashed];' in text


def test_what_a_migration_left_behind_is_red() -> None:
    edge = '"vma#1" -> "page 0xc" [label="migration entry"'
    assert f"{edge}, color=" in dot_graph(run(failing()))
    assert f"{edge}];" in dot_graph(run(failing(), 79))


def test_quotes_and_backslashes_in_a_name_are_escaped() -> None:
    assert quoted('a"b\\c') == '"a\\"b\\\\c"'
    assert lines_left("a\nb") == '"a\\lb\\l"'
