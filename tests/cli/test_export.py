"""A run for another program, from the command line."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from cli.running import COMMAND, ROOT, fresh_kmm, kmm, pretend_terminal, refused

from kmm.cli.exits import Usage
from kmm.cli.output import deliver
from kmm.report.exports import EXPORTS

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def schedule() -> str:
    return str(kmm("hunt", "exec-stack", "--json").json["schedule"])


@pytest.mark.parametrize("form", [name for name in EXPORTS if name != "png"])
def test_a_replay_a_hunt_and_a_file_export_the_same(
    form: str, schedule: str, tmp_path: Path
) -> None:
    file = tmp_path / "exported"
    printed = kmm("replay", schedule, "--export", form)
    hunted = kmm("hunt", "exec-stack", "--export", form, "-o", str(file))
    assert (printed.code, printed.err) == (1, "")
    assert (hunted.code, hunted.out) == (1, "")
    assert file.read_text() == printed.out


def test_a_run_that_went_well_can_be_exported() -> None:
    ran = kmm("run", "exec-stack", "--export", "jsonl")
    assert ran.code == 0
    assert json.loads(ran.out.splitlines()[-1])["verdict"] == "survived"


def test_the_moment_is_that_of_the_schedule_or_of_the_option(schedule: str) -> None:
    at_schedule = kmm("replay", f"{schedule}@79", "--export", "dot").out
    at_option = kmm("replay", schedule, "--export", "dot", "--moment", "79").out
    assert "after 79 steps" in at_schedule
    assert at_option == at_schedule
    assert "after 105 steps" in kmm("replay", schedule, "--export", "dot").out


@pytest.mark.parametrize(
    ("options", "cause"),
    [
        (("--export", "gif"), "invalid choice: 'gif'"),
        (("--export", "dot", "--moment", "106"), "the run has 105 steps"),
        (("--export", "dot", "--moment", "-1"), "whole number from 0 on"),
        (("--export", "json", "--moment", "3"), "--moment is for --export svg, png"),
        (("--moment", "3"), "--moment is for --export svg, png"),
        (("--export", "svg", "--json"), "not allowed with"),
        (("--export", "svg", "-o", "missing/x.svg"), "No such file"),
    ],
)
def test_what_cannot_be_exported_is_refused_in_a_line(
    options: tuple[str, ...], cause: str, schedule: str
) -> None:
    assert refused(kmm("replay", schedule, *options), cause)


def test_a_search_in_which_no_run_fails_has_none_to_export(tmp_path: Path) -> None:
    output = ("--export", "svg", "-o", str(tmp_path / "x"))
    ran = kmm("hunt", "exec-stack", "--kernel", "v6", "--budget", "3", *output)
    assert (ran.code, ran.out) == (0, "")
    assert ran.err.startswith("kmm: Not seen in 3 executions")
    assert ran.err.endswith("There is no run to export; try `kmm run`.\n")
    assert not list(tmp_path.iterdir())


def test_a_missing_library_is_said_before_the_search(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def missing(name: str) -> None:
        raise ImportError(name)

    def search(*_: object, **__: object) -> None:
        raise AssertionError("searched for nothing")

    monkeypatch.setattr("kmm.report.exports.png.import_module", missing)
    monkeypatch.setattr("kmm.scenarios.play.hunt", search)
    ran = kmm("hunt", "exec-stack", "--export", "png", "-o", "x.png")
    assert refused(ran, "pip install 'kmm-lab[png]'")


def test_pixels_are_not_thrown_at_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend_terminal(monkeypatch, "stdout")
    with pytest.raises(Usage, match="write it to a file with -o FILE"):
        deliver(b"\x89PNG", None)


def test_bytes_go_into_a_file_as_they_are(tmp_path: Path) -> None:
    file = tmp_path / "picture.png"
    deliver(b"\x89PNG\r\n\x1a\n", str(file))
    assert file.read_bytes() == b"\x89PNG\r\n\x1a\n"


def test_a_reader_that_has_seen_enough_does_no_harm(schedule: str) -> None:
    ran = subprocess.run(
        f'"{COMMAND[0]}" -m kmm replay {schedule} --export json | head -c 1; '
        "echo ${PIPESTATUS[0]}",
        shell=True,
        executable="/bin/bash",
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (ran.stdout, ran.stderr) == ("{1\n", "")


def test_the_help_says_what_each_format_is() -> None:
    told = fresh_kmm("replay", "--help").out
    for name, form in EXPORTS.items():
        assert f"  {name:9} {form.told}\n" in told
