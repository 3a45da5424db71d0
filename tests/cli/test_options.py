from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from cli.running import kmm, refused

from kmm.cli.options import COMMANDS

ALL = ["", *COMMANDS]
DATA = Path(__file__).parents[1] / "conform" / "data"
LETTER = Path(__file__).parents[1] / "report" / "data" / "letter.json"
WALKS = DATA / "mmu_exhaustive.json.gz"


def help_of(command: str) -> str:
    ran = kmm(*([command] if command else []), "--help")
    assert (ran.code, ran.err) == (0, "")
    return ran.out


@pytest.mark.parametrize("command", ALL)
def test_help_fits_80_columns(command: str) -> None:
    assert max(len(line) for line in help_of(command).splitlines()) <= 80


@pytest.mark.parametrize("command", ALL)
def test_help_has_an_example_and_the_exit_codes(command: str) -> None:
    text = help_of(command)
    assert f"  kmm {command}" in text.partition("example")[2]
    assert "exit code" in text


def test_a_mistyped_command_is_told_what_it_is_like() -> None:
    assert refused(kmm("hnut", "exec-stack"), "no 'hnut'; did you mean hunt?")
    assert refused(kmm("list", "rcaes"), "no 'rcaes'; did you mean races?")
    assert refused(kmm("xyzzy"), "choose from")


LONG = {"matrix": [pytest.mark.slow]}  # one of its examples is the whole table


@pytest.mark.slow
@pytest.mark.parametrize(
    "command",
    # serve goes on until it is stopped: test_serve.py
    [
        pytest.param(name, marks=LONG.get(name, []))
        for name in COMMANDS
        if name != "serve"
    ],
)
def test_every_example_in_the_help_works(
    command: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """In a directory of its own, with the files that the examples name."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("examples"))
        patch.setenv("XDG_STATE_HOME", "state")
        if command in ("replay", "proc"):
            kmm("hunt", "exec-stack", "--json", "-o", "witness.json")
        if command == "bench":
            shutil.copy(LETTER, "letter.json")
        if command == "conform":
            shutil.copy(WALKS, "walks.json.gz")
        examples = [
            line.strip().split("     ")[0]
            for line in help_of(command).partition("example")[2].splitlines()
            if line.startswith("  kmm ")
        ]
        assert examples
        for example in examples:
            ran = kmm(*example.split()[1:])
            assert ran.code in (0, 1), ran.err


@pytest.mark.parametrize(
    "flags", [("-q",), ("--quiet",), ("-v",), ("--verbose",), ("--no-color",), ("-qv",)]
)
@pytest.mark.parametrize("command", [("list", "races"), ("run", "exec-stack")])
def test_common_options_stand_before_or_after_the_command(
    command: tuple[str, ...], flags: tuple[str, ...]
) -> None:
    before, after = kmm(*flags, *command), kmm(*command, *flags)
    assert before.code == after.code == 0
    if "run" not in command:  # a run tells how long it took
        assert before.out == after.out


@pytest.mark.parametrize("where", ["before", "after"])
def test_verbose_tells_more(where: str) -> None:
    verbose = ["-v", "list"] if where == "before" else ["list", "-v"]
    assert len(kmm(*verbose).out) > len(kmm("list").out)
    assert "Watch vm_start" in kmm("run", "exec-stack", "-v").out
    assert "Linus Torvalds" in kmm("diff", "vanilla", "v6", "-v").out
    assert "given up early" in kmm("hunt", "exec-stack", "-v").out


@pytest.mark.parametrize("value", ["0", "-1", "nan", "1.5", "x", "", "9" * 5000])
def test_a_budget_is_a_whole_number_above_0(value: str) -> None:
    ran = kmm("hunt", "exec-stack", "--budget", value)
    assert refused(ran, "is not a whole number above 0")


@pytest.mark.parametrize("value", ["0", "-1", "nan", "-0.5", "x", ""])
def test_a_time_limit_is_a_number_above_0(value: str) -> None:
    ran = kmm("hunt", "exec-stack", "--seconds", value)
    assert refused(ran, "is not a number above 0")


def test_a_strategy_that_cannot_prove_is_not_offered_for_a_proof() -> None:
    assert refused(kmm("prove", "exec-stack", "--strategy", "random"), "'random'")


def test_a_seed_alone_asks_for_a_random_run() -> None:
    found = kmm("run", "exec-stack", "--seed", "4", "--json").json
    assert (found["strategy"], found["seed"]) == ("random", 4)
    assert kmm("run", "exec-stack", "--json").json["strategy"] == "round-robin"


def test_a_replay_has_one_form() -> None:
    assert refused(kmm("replay", "x", "--step", "--json"), "not allowed with")
