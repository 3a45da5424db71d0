from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from cli.running import fresh_kmm, kmm, refused

from kmm.designs import QUESTIONS

BUG_LINE = "kernel BUG at include/linux/swapops.h:105!"

SCHEDULE = "exec-stack/2.6.34/48a30b8a19b/3ab2"  # see `schedule`

# What others rely on: the keys of the report, and what each may hold.
CONTRACT: dict[str, tuple[type, ...]] = {
    "race": (str,),
    "kernel": (dict,),
    "strategy": (str,),
    "seed": (int,),
    "verdict": (str,),
    "failure": (dict, type(None)),
    "reports": (list,),
    "slice": (list,),
    "schedule": (str, type(None)),
    "operations": (list, type(None)),
    "executions": (int,),
    "steps": (int,),
    "context_switches": (int, type(None)),
    "bounds": (dict,),
    "seconds": (float,),
}
FAILURE: dict[str, tuple[type, ...]] = {
    "kind": (str,),
    "message": (str,),
    "thread": (str,),
    "cpu": (int,),
    "trace": (list,),
}


@pytest.fixture(scope="module")
def schedule() -> str:
    """The schedule of a run that fails, as a hunt finds it now."""
    found: str = kmm("hunt", "exec-stack", "--json").json["schedule"]
    return found


def holds(whole: dict[str, Any], contract: dict[str, tuple[type, ...]]) -> bool:
    return all(
        key in whole and isinstance(whole[key], types)
        for key, types in contract.items()
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("command", "verdict"),
    [
        (("run", "exec-stack", "--kernel", "v6"), "survived"),
        (("hunt", "exec-stack", "--kernel", "vanilla"), "bug"),
        (("hunt", "exec-stack", "--kernel", "v4"), "bug"),
        (("hunt", "exec-stack", "--kernel", "2.6.35", "--budget", "3"), "survived"),
        (("prove", "exec-stack", "--kernel", "v6"), "proved"),
        (("prove", "exec-stack", "--kernel", "2.6.35"), "proved"),
        (("prove", "exec-stack", "--kernel", "v4"), "bug"),
    ],
)
def test_json_has_the_keys_and_the_verdict(
    command: tuple[str, ...], verdict: str
) -> None:
    ran = kmm(*command, "--json")
    found = ran.json
    assert ran.err == ""
    assert ran.out.count("\n") == 1
    assert holds(found, CONTRACT)
    assert found["verdict"] == verdict
    assert ran.code == (1 if verdict == "bug" else 0)
    assert (found["failure"] is not None) == (verdict == "bug")
    if verdict == "bug":
        assert holds(found["failure"], FAILURE)
        assert found["failure"]["kind"] == "bug_on"
        assert found["context_switches"] <= 5


def test_json_names_the_kernel_as_it_was_asked_for_with_its_answers() -> None:
    kernel = kmm("run", "exec-stack", "--kernel", "vanilla", "--json").json["kernel"]
    assert kernel["name"] == "vanilla"
    assert set(kernel) == {"name", *QUESTIONS}


def test_json_of_list_is_one_object_with_a_list_for_each_kind() -> None:
    assert list(kmm("list", "kernels", "--json").json) == ["kernels"]
    whole = kmm("list", "--json").json
    assert {"races", "designs", "kernels", "lessons"} <= set(whole)
    assert all(isinstance(rows, list) for rows in whole.values())


def test_a_hunt_prints_the_bug_and_a_replay_command_that_works() -> None:
    hunt = kmm("hunt", "exec-stack", "--kernel", "vanilla")
    assert hunt.code == 1
    assert BUG_LINE in hunt.out.splitlines()
    *_, command = hunt.out.splitlines()
    assert command.startswith("  kmm replay ")
    again = kmm(*command.split()[1:])
    assert again.code == 1
    assert again.err == ""
    assert (
        again.out.partition("------------")[2] == hunt.out.partition("------------")[2]
    )


@pytest.mark.slow
def test_a_proof_that_finds_a_bug_shows_it_as_a_hunt_does() -> None:
    prove, hunt = kmm("prove", "exec-stack"), kmm("hunt", "exec-stack")
    assert prove == hunt


@pytest.mark.slow
def test_an_unlocked_look_breaks_version_6() -> None:
    ran = kmm("hunt", "exec-stack", "--kernel", "v6", "--design", "pte-peek=unlocked")
    assert ran.code == 1
    assert kmm("hunt", "exec-stack-peek", "--kernel", "v6").code == 1


def test_a_kernel_can_be_given_as_reports_print_it() -> None:
    found = kmm("hunt", "exec-stack", "--kernel", "v6,pte-peek=unlocked", "--json").json
    assert found["kernel"]["name"] == "v6"
    assert found["kernel"]["pte-peek"] == "unlocked"


@pytest.mark.parametrize("strategy", ["dpor", "enumeration"])
@pytest.mark.parametrize("limit", [("--budget", "2"), ("--seconds", "0.01")])
def test_a_limit_ends_a_search_that_then_proves_nothing(
    strategy: str, limit: tuple[str, str]
) -> None:
    ran = kmm(
        "prove",
        "exec-stack",
        "--kernel",
        "v6",
        "--strategy",
        strategy,
        *limit,
        "--json",
    )
    assert ran.code == 0
    assert (ran.json["verdict"], ran.json["stopped"]) == ("survived", "budget")
    text = kmm("prove", "exec-stack", "--kernel", "v6", *limit).out
    assert "Not seen in" in text
    assert "this is no proof" in " ".join(text.split())


def test_a_random_hunt_ends_by_its_budget_and_counts_it() -> None:
    found = kmm(
        "hunt", "exec-stack", "--kernel", "v6", "--strategy", "random", "--budget", "7",
        "--json",
    ).json  # fmt: skip
    assert (found["verdict"], found["executions"]) == ("survived", 7)


def test_the_same_seed_is_the_same_run_and_another_is_not() -> None:
    one, again, other = (
        kmm("run", "exec-stack", "--seed", seed, "--json").json["schedule"]
        for seed in ("1", "1", "2")
    )
    assert one == again
    assert one != other


@pytest.mark.slow
def test_a_replay_is_the_same_byte_for_byte_in_fresh_processes(schedule: str) -> None:
    ran = [
        fresh_kmm("replay", schedule, "--json", PYTHONHASHSEED=seed)
        for seed in map(str, range(10))
    ]
    assert ran[0].code == 1
    assert all(other == ran[0] for other in ran)
    assert ran[0].out == kmm("replay", schedule, "--json").out
    assert ran[0].json["seconds"] == 0.0
    assert holds(ran[0].json, CONTRACT)


@pytest.mark.slow
@pytest.mark.parametrize("form", ["json", "text", "bare"])
def test_a_replay_takes_what_a_hunt_wrote(
    form: str, tmp_path: Path, schedule: str
) -> None:
    file = tmp_path / "witness"
    if form == "bare":
        file.write_text(schedule + "\n")
    else:
        flags = ["--json"] if form == "json" else []
        assert kmm("hunt", "exec-stack", *flags, "-o", str(file)).out == ""
    ran = kmm("replay", str(file), "--json")
    assert ran.code == 1
    assert ran.json["schedule"] == schedule


@pytest.mark.slow
def test_a_replay_reads_standard_input(schedule: str) -> None:
    ran = fresh_kmm("replay", "-", "--json", stdin=schedule)
    assert ran.code == 1
    assert ran.json["schedule"] == schedule


def test_a_replay_takes_an_exported_recording(tmp_path: Path, schedule: str) -> None:
    file = tmp_path / "recording.json"
    kmm("replay", schedule, "--export", "json", "-o", str(file))
    assert kmm("replay", str(file), "--json").json["schedule"] == schedule


def test_steps_are_printed_a_line_each(schedule: str) -> None:
    ran = kmm("replay", schedule, "--step")
    steps = kmm("replay", schedule, "--json").json["schedule_steps"]
    assert ran.code == 1
    assert len(ran.out.splitlines()) == steps


@pytest.mark.parametrize("name", ["exec-stck", "", "x" * 5000, "exec-stack\nx"])
@pytest.mark.parametrize("command", ["run", "hunt", "prove"])
def test_an_unknown_race_is_refused(command: str, name: str) -> None:
    assert refused(kmm(command, name), "no race is called")


@pytest.mark.parametrize(
    ("options", "cause"),
    [
        (("--kernel", "v9"), "no kernel is called 'v9'; there is 2.6.34"),
        (("--design", "pte-peek"), "--design takes QUESTION=ANSWER, not 'pte-peek'"),
        (("--design", "nope=locked"), "no question is called 'nope'"),
        (("--design", "pte-peek=nope"), "no answer to pte-peek is called 'nope'"),
        (("--design", "pte-peek="), "no answer to pte-peek is called ''"),
        (("--design", "=locked"), "no question is called ''"),
        (("--strategy", "luck"), "'luck'"),
        (("--seed", "x"), "--seed"),
    ],
)
def test_unknown_kernels_designs_and_strategies_are_refused(
    options: tuple[str, ...], cause: str
) -> None:
    assert refused(kmm("hunt", "exec-stack", *options), cause)


def test_names_that_cannot_be_compared_are_refused() -> None:
    assert refused(
        kmm("diff", "vanilla", "nope"), "no kernel or design is called 'nope'"
    )
    assert refused(kmm("diff", "locked", "unprotected"), "no answer to pte-peek")


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("exec-stack", "neither a file nor a schedule"),
        ("", "cannot read"),
        ("nope/2.6.34/45a/95e6", "no race is called 'nope'"),
        ("exec-stack/nope/45a/95e6", "no kernel is called 'nope'"),
        ("exec-stack/v6,pte-peek=x/45a/95e6", "no answer to pte-peek"),
        ("exec-stack/2.6.34/50a30b/45b9", "cut off"),
        ("exec-stack/2.6.34//95e6", "cut off"),
        ("exec-stack/2.6.34/50a30b10a19/45b9", "not a schedule at '19'"),
        ("exec-stack/2.6.34/50a30b10a19b9a/45b9", "step"),
        ("exec-stack/2.6.34/45z30b22a19b/95e6", "step"),
        ("exec-stack/2.6.34/48a30b8a19b/0000", "a file from `kmm hunt --json"),
        ("exec-stack/v6/50a30b10a19b/45b9", "schedule"),
        ("exec-stack-peek/2.6.34/50a30b10a19b/45b9", "schedule"),
        ("exec-stack/2.6.34/garbage/95e6", "not a schedule at 'garbage'"),
        ("exec-stack/2.6.34/0a/95e6", "not a schedule at '0a'"),
        ("exec-stack/2.6.34/-1a/95e6", "not a schedule at '-1a'"),
        ("exec-stack/2.6.34/\N{ARABIC-INDIC DIGIT ONE}a/95e6", "not a schedule at"),
        ("exec-stack/2.6.34/999999999a/95e6", "no run has more than"),
        ("exec-stack/2.6.34/" + "19999a" * 1000 + "/95e6", "no run has more than"),
        ("exec-stack/2.6.34/" + "9" * 100_000 + "a/95e6", "not a schedule at '999"),
        ("exec-stack/2.6.34/" + "1a1b" * 5_000 + "/95e6", "schedule stops fitting"),
    ],
)
def test_a_schedule_that_is_none_or_does_not_fit_is_refused(
    text: str, cause: str
) -> None:
    assert refused(kmm("replay", text), cause)


@pytest.mark.parametrize(
    ("content", "cause"),
    [
        (b"", "not a schedule"),
        (b"garbage", "not a schedule"),
        (b"exec-stack/2.6.34/" + b"9" * 1_000_000, "not a schedule"),
        (b"\x7fELF\xff\xfe", "it is not text"),
        (b"\0" * 1000, "not a schedule"),
        (b"\x1b[31mexec/stack\x1b[2J", "not a schedule"),
        (b"{}", "holds no schedule"),
        (b"[]", "holds no schedule"),
        (b"{broken", "holds no schedule"),
        (b'{"schedule": null}', "no run failed in it"),
        (b'{"schedule": ["a"]}', "no run failed in it"),
        (b'{"a": ' + b"[" * 100_000, "holds no schedule"),
        (b'{"schedule": "exec-stack/2.6.34/45a/95e6"}', "cut off"),
        (b'{"schedule": "exec-stack/2.6.34/1a/9", "operations": 3}', "no schedule"),
        (b'{"schedule": "exec-stack/2.6.34/1a/9", "operations": []}', "was altered"),
        (b'{"schedule": "exec-stack/2.6.34/1a/9", "steps": [3]}', "no schedule"),
    ],
)
def test_a_file_without_a_schedule_that_fits_is_refused(
    content: bytes, cause: str, tmp_path: Path
) -> None:
    file = tmp_path / "file"
    file.write_bytes(content)
    ran = kmm("replay", str(file))
    assert refused(ran, cause)
    assert ran.err.strip("\n").isprintable()


def altered(written: dict[str, Any], step: int) -> dict[str, Any]:
    """The same run, but that one step was to do something else."""
    if isinstance(written["steps"], list):
        written["steps"][step]["object"] = "nothing"
    else:
        written["operations"][step] = "read nothing"
    return written


@pytest.mark.parametrize("options", [("--json",), ("--export", "json")])
def test_a_file_says_which_step_of_its_run_differs(
    options: tuple[str, ...], tmp_path: Path, schedule: str
) -> None:
    file = tmp_path / "witness.json"
    kmm("replay", schedule, *options, "-o", str(file))
    assert kmm("replay", str(file)).code == 1
    file.write_text(json.dumps(altered(json.loads(file.read_text()), 59)))
    ran = kmm("replay", str(file))
    assert refused(ran, "the run differs at step 60 (12 of 30b, block 2): date:4021 is")
    assert "nothing" in ran.err


def test_a_file_from_before_operations_were_written_down_is_taken(
    tmp_path: Path, schedule: str
) -> None:
    file = tmp_path / "witness.json"
    file.write_text(json.dumps({"schedule": schedule}))
    assert kmm("replay", str(file)).code == 1


@pytest.mark.slow
def test_a_proof_has_no_run_to_replay(tmp_path: Path) -> None:
    file = tmp_path / "proof.json"
    kmm("prove", "exec-stack", "--kernel", "v6", "--json", "-o", str(file))
    assert json.loads(file.read_text())["verdict"] == "proved"
    assert refused(kmm("replay", str(file)), "no run failed in it")


def test_a_directory_is_no_schedule_file(tmp_path: Path) -> None:
    assert refused(kmm("replay", str(tmp_path)), "Is a directory")


@pytest.mark.skipif(os.geteuid() == 0, reason="root can read everything")
def test_a_file_that_may_not_be_read_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("x")
    file.chmod(0)
    assert refused(kmm("replay", str(file)), "Permission denied")


def test_an_endless_file_is_refused() -> None:
    if not Path("/dev/zero").exists():
        pytest.skip("no /dev/zero here")
    assert refused(kmm("replay", "/dev/zero"), "not a schedule")


def test_ctrl_c_while_a_witness_is_made_shorter_shows_it_as_it_was_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def press_ctrl_c(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("kmm.scenarios.play.finding_witness", press_ctrl_c)
    ran = kmm("hunt", "exec-stack", "--json")
    assert ran.code == 130
    assert (ran.json["verdict"], ran.json["stopped"]) == ("bug", "interrupt")
    assert kmm("replay", ran.json["schedule"]).code == 1


def test_a_name_that_comes_near_is_suggested() -> None:
    assert refused(kmm("run", "exec-stck"), "did you mean exec-stack?")
    assert refused(kmm("diff", "vanila", "v6"), "did you mean vanilla?")


# Other ways to begin, to look, and to search.


@pytest.mark.slow
@pytest.mark.parametrize("trigger", ["compaction", "hot-remove"])
def test_a_race_begins_with_the_trigger_that_is_named(trigger: str) -> None:
    ran = kmm("run", "exec-stack", "--kernel", "v6", "--trigger", trigger, "--json")
    assert ran.code == 0
    assert ran.json["schedule"].startswith(f"exec-stack:{trigger}/v6/")
    again = kmm("replay", ran.json["schedule"], "--json")
    assert (again.code, again.json["steps"]) == (0, ran.json["steps"])


def test_a_trigger_that_there_is_not_is_refused_with_those_that_there_are() -> None:
    ran = kmm("hunt", "exec-stack", "--trigger", "kswapd")
    assert (ran.code, ran.out) == (2, "")
    assert "hot-remove" in ran.err


@pytest.mark.slow
def test_what_is_no_failure_by_itself_is_one_to_the_strict() -> None:
    words = ("hunt", "vma-adjust", "--kernel", "2.6.34", "--budget", "20", "--json")
    found = kmm(*words, "--strict").json
    assert found["verdict"] == "bug"
    assert found["failure"]["kind"] == "data_race"
    assert kmm(*words).json["failure"]["kind"] != "data_race"


def test_a_seed_of_pct_makes_the_same_runs_every_time() -> None:
    words = ("hunt", "exec-stack", "--kernel", "v6", "--strategy", "pct", "--json")
    one, again, other = (
        kmm(*words, "--seed", seed, "--budget", "30").json for seed in "112"
    )
    assert one["strategy"] == "pct"
    assert one["verdict"] == "survived"
    assert one["executions"] == 30
    assert (one["steps"], one["schedule"]) == (again["steps"], again["schedule"])
    assert one["steps"] != other["steps"]
