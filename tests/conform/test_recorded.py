"""Files of recorded cases: recognised by content, refused in one clear sentence."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from kmm.conform import KINDS, NotRecorded, hold_against, read_recorded
from kmm.conform.machine import RecordedMachine
from kmm.conform.recorded import Conformity, Recorded, read_bytes

DATA = Path(__file__).parent / "data"
RECORDED = [
    ("mmu_random.json.gz", "mmu", 1638),
    ("mmu_exhaustive.json.gz", "mmu", 284),
    ("mmu_tlb_disciplined.json.gz", "tlb", 233),
]


def read(name: str) -> Recorded:
    path = str(DATA / name)
    return read_recorded(path, read_bytes(path), KINDS.values())


def held(recorded: Recorded) -> Conformity:
    return hold_against(recorded, lambda _: None)


def of(document: Any) -> Recorded:
    return read_recorded("made up", json.dumps(document).encode(), KINDS.values())


@pytest.mark.parametrize(("name", "kind", "cases"), RECORDED)
def test_every_recorded_case_comes_out_as_it_was_recorded(
    name: str, kind: str, cases: int
) -> None:
    recorded = read(name)
    assert recorded.kind.name == kind
    assert len(recorded.cases) == cases
    found = held(recorded)
    assert found.differences == []
    assert set(found.skipped) <= {"the emulators disagree"}
    assert found.agreed + found.skipped.total() == found.done == cases
    assert found.agreed > cases * 0.9


def test_only_what_the_emulators_disagree_about_is_skipped() -> None:
    recorded = read("mmu_random.json.gz")
    disputed = [case for case in recorded.cases if not case["agree"]]
    assert held(recorded).skipped.total() == len(disputed) > 0


def test_the_subset_has_every_mode_access_and_outcome() -> None:
    cases = read("mmu_random.json.gz").cases
    assert {case["mode"] for case in cases} == {"long", "pae", "32"}
    for mode in ("long", "pae", "32"):
        ours = [case for case in cases if case["mode"] == mode and case["agree"]]
        assert {case["access"] for case in ours} == {"r", "w", "x"}
        assert {case["cpl"] for case in ours} == {0, 3}
        errors = {case["expect"].get("err") for case in ours}
        assert {None, 0, 1, 2, 3, 4, 5, 6, 7} <= errors
    vectors = {case["expect"].get("vec") for case in cases}
    assert vectors == {None, 13, 14}


@pytest.mark.parametrize(
    ("document", "kind"),
    [
        ({"cases": [{"ops": [], "steps": [], "final": []}], "arena_pages": 64}, "vma"),
        ({"cases": [{"ops": [], "steps": [], "stable": True}]}, "cow"),
        (
            {"cases": [{"advised": [], "initial": [], "steps": [], "pages": 1}]},
            "ksm",
        ),
        (
            {"cases": [{"flags": 2, "rc": 0, "errno": 0, "shared": 0, "pages": []}]},
            "move_pages",
        ),
    ],
)
def test_a_file_s_kind_is_known_by_what_is_in_it(document: Any, kind: str) -> None:
    recorded = of(document)
    assert recorded.kind.name == kind
    assert len(recorded.cases) == 1


def test_a_file_may_be_plain_or_gzipped_in_one_member_or_more() -> None:
    text = gzip.decompress(read_bytes(str(DATA / "mmu_exhaustive.json.gz")))
    cases = read("mmu_exhaustive.json.gz").cases
    for data in (text, gzip.compress(text[:500]) + gzip.compress(text[500:])):
        assert read_recorded("a file", data, KINDS.values()).cases == cases


@pytest.mark.parametrize(
    ("data", "cause"),
    [
        (b"", "is not JSON"),
        (b"{", "is not JSON"),
        (b"[1, 2]", "not an object"),
        (b"{}", "none of the kinds"),
        (b'{"cases": []}', "none of the kinds"),
        (b'{"cases": [1]}', "none of the kinds"),
        (b'{"cases": 7}', "none of the kinds"),
        (b"\xff\xfe\x00", "neither JSON nor gzip"),
        (b"\x1f\x8b\x08\x00", "cut off"),
        (b"\x1f\x8bnonsense", "damaged"),
        (gzip.compress(b"{}", mtime=0)[:-3], "cut off"),
        (b"[" * 200_000, "nested too deeply"),
    ],
)
def test_what_holds_no_cases_is_refused_with_its_cause(data: bytes, cause: str) -> None:
    with pytest.raises(NotRecorded, match=cause) as caught:
        read_recorded("some file", data, KINDS.values())
    assert "'some file'" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("case", [{"mode": "48-bit"}, {}, [], None, "mode"])
def test_a_malformed_case_is_named_by_its_number_before_any_is_run(case: Any) -> None:
    right = read("mmu_exhaustive.json.gz").cases[0]
    wrong = {**right, **case} if case == {"mode": "48-bit"} else case
    with pytest.raises(NotRecorded, match="'made up': case 1 is malformed: "):
        of({"cases": [right, wrong]})


def test_what_goes_wrong_in_the_model_is_not_blamed_on_the_case(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(*_: object) -> None:
        raise ValueError("a mistake of kmm's own")

    recorded = read("mmu_exhaustive.json.gz")
    monkeypatch.setattr(RecordedMachine, "reach", broken)
    with pytest.raises(ValueError, match="own"):
        held(recorded)


def test_an_interrupted_run_reports_what_it_covered() -> None:
    recorded = read("mmu_exhaustive.json.gz")

    def stop(found: Conformity) -> None:
        if found.done == 100:
            raise KeyboardInterrupt

    found = hold_against(recorded, stop)
    assert found.interrupted
    assert found.done == 100
    assert found.agreed == 100
