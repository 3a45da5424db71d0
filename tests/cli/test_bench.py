"""`kmm bench`: given figures in the letter's form, and files that have none."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest
from cli.running import Ran, fresh_kmm, kmm, refused

LETTER = str(Path(__file__).parents[1] / "report" / "data" / "letter.json")
AIM9 = {
    "title": "AIM9",
    "columns": ["aim9-vanilla", "fixraces-v5r1"],
    "rows": [{"name": "fork_test", "better": "higher", "values": [4261.91, 4110.98]}],
}


def bench(*arguments: str) -> Ran:
    return kmm("bench", "--from", LETTER, *arguments)


def test_the_letters_three_tables_are_printed_in_its_form() -> None:
    ran = bench()
    assert (ran.code, ran.err) == (0, "")
    assert [block.split("\n")[0] for block in ran.out.split("\n\n")] == [
        "KERNBENCH",
        "AIM9",
        "SYSBENCH",
    ]
    assert "exec_test        226.67 ( 0.00%)      232.67 ( 2.58%)\n" in ran.out
    assert "imulated" not in ran.out


def test_a_plot_stands_below_each_table() -> None:
    plain, drawn = bench().out, bench("--plot").out
    assert len(drawn.split("\n\n")) > len(plain.split("\n\n"))
    for table in plain.rstrip("\n").split("\n\n"):
        assert table in drawn
    assert max(map(len, drawn.splitlines())) <= 80
    assert "\x1b" not in drawn


def test_svg_goes_to_a_file_or_to_standard_output(tmp_path: Path) -> None:
    path = tmp_path / "letter.svg"
    assert bench("--svg", "-o", str(path)).out == ""
    text = path.read_text(encoding="utf-8")
    assert ElementTree.fromstring(text).tag.endswith("svg")
    assert bench("--svg").out == text


def test_json_read_again_is_the_same_json(tmp_path: Path) -> None:
    path = tmp_path / "again.json"
    first = bench("--json", "-o", str(path))
    assert (first.code, first.out) == (0, "")
    again = kmm("bench", "--from", str(path), "--json")
    assert again.out == path.read_text()
    assert kmm("bench", "--from", str(path)).out == bench().out


def test_a_table_alone_is_an_object_and_several_are_a_list(tmp_path: Path) -> None:
    path = tmp_path / "aim9.json"
    path.write_text(json.dumps(AIM9))
    found = kmm("bench", "--from", str(path), "--json").json
    assert found["title"] == "AIM9"
    assert found["simulated"] is False
    assert f"{found['rows'][0]['delta']:.2f}" == "-3.67"
    assert [one["title"] for one in json.loads(bench("--json").out)][1] == "AIM9"


def test_dash_reads_standard_input() -> None:
    ran = fresh_kmm("bench", "--from", "-", stdin=json.dumps(AIM9))
    assert ran.out.splitlines()[-1] == ("fork_test  4261.91 ( 0.00%)  4110.98 (-3.67%)")


def test_what_is_simulated_is_called_so_in_every_form(tmp_path: Path) -> None:
    path = tmp_path / "simulated.json"
    path.write_text(json.dumps({**AIM9, "simulated": True}))
    for form, times in ((), 1), (("--plot",), 2), (("--svg",), 1):
        out = kmm("bench", "--from", str(path), *form).out
        assert out.count("no machine was measured") == times
    assert kmm("bench", "--from", str(path), "--json").json["simulated"] is True


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("", "is not JSON"),
        ("{", "is not JSON"),
        ("[" * 100_000, "is nested too deeply"),
        ("\x00", "is not JSON"),
        ("7", "the table is not an object"),
        ('{"title": "AIM9"}', "the table has no 'columns'"),
        (json.dumps([AIM9, {**AIM9, "rows": 0}]), "rows of table 2 is not a list"),
        (json.dumps(AIM9).replace("4261.91", "1e999"), "row 1 of the table"),
        (json.dumps(AIM9).replace("4261.91", "9" * 5000), "is not JSON"),
        (json.dumps(AIM9).replace("AIM9", "\\ud800"), "the title of the table"),
    ],
)
def test_a_bad_file_is_one_line_with_the_cause_and_the_way_out(
    tmp_path: Path, text: str, cause: str
) -> None:
    path = tmp_path / "bad.json"
    path.write_text(text)
    ran = kmm("bench", "--from", str(path))
    assert refused(ran, cause)
    assert str(path) in ran.err
    assert ran.err.endswith("see kmm bench --help\n")


def test_what_is_no_file_at_all_is_refused(tmp_path: Path) -> None:
    assert refused(kmm("bench", "--from", "/nonexistent"), "No such file or directory")
    assert refused(kmm("bench", "--from", str(tmp_path)), "Is a directory")
    assert refused(kmm("bench"), "--from")


def test_output_has_one_form_and_a_place_to_go() -> None:
    assert refused(bench("--json", "--svg"), "not allowed with")
    assert refused(bench("--svg", "-o", "/nonexistent/x.svg"), "cannot write")
