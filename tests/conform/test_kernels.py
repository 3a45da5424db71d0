"""What real kernels did, and the model: agreement, planted errors, malformed cases."""

from __future__ import annotations

import copy
import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kmm.conform import KINDS, hold_against, read_recorded
from kmm.conform.recorded import Malformed, NotRecorded, read_bytes
from kmm.mm import buddy, compaction, ksm_merge, vma

DATA = Path(__file__).parent / "data"

FILES = {
    "vma": "vma_linux618.json.gz",
    "cow": "cow_linux618.json.gz",
    "ksm": "ksm_linux618.json.gz",
    "move_pages": "move_pages_linux612.json.gz",
    "buddy": "linux612_buddy_trace.json.gz",
    "compaction": "linux612_buddy_compaction.json.gz",
}
SKIPPED = {
    "vma": {"6.1, 6.12 and 6.18 differ"},
    "cow": {"two recordings differ"},
    "ksm": {"use_zero_pages is of a later kernel"},
}


def document(kind: str) -> dict[str, Any]:
    with gzip.open(DATA / FILES[kind], "rt") as file:
        found: dict[str, Any] = json.load(file)
    return found


def first_case(kind: str) -> dict[str, Any]:
    whole = document(kind)
    case: dict[str, Any] = whole["cases"][0] if "cases" in whole else whole
    return case


def test_every_kind_has_a_file() -> None:
    hardware = {"mmu", "tlb"}  # whose files are RECORDED, in test_recorded.py
    assert KINDS.keys() - hardware == FILES.keys(), (
        "ship a file in tests/conform/data/, and name it in FILES"
    )


@pytest.mark.parametrize("kind", FILES)
def test_the_model_does_what_real_kernels_did(kind: str) -> None:
    path = str(DATA / FILES[kind])
    recorded = read_recorded(path, read_bytes(path), KINDS.values())
    assert recorded.kind.name == kind
    found = hold_against(recorded, lambda _: None)
    assert not found.differences, found.differences[0]
    assert found.agreed > 0
    assert set(found.skipped) == SKIPPED.get(kind, set())


# Planted errors: a recording that says otherwise is found out.


def wrong_result(case: dict[str, Any]) -> None:
    case["steps"][3][1] += 1


def wrong_rights(case: dict[str, Any]) -> None:
    case["steps"][-1][3][0][2] = "r-xs"


def wrong_resident(case: dict[str, Any]) -> None:
    case["final"][0]["rss_kb"] += 4


def wrong_mapcount(case: dict[str, Any]) -> None:
    case["steps"][-1][0]["0"][0] = [0, 3, 1]


def wrong_kept(case: dict[str, Any]) -> None:
    step = next(step for step in case["steps"] if "kept" in step[1])
    step[1]["kept"] = 1 - step[1]["kept"]


def wrong_counter(case: dict[str, Any]) -> None:
    case["steps"][0][3]["pages_sharing"] += 1


def wrong_partition(case: dict[str, Any]) -> None:
    case["steps"][0][2][0][0] += 1


def wrong_status(case: dict[str, Any]) -> None:
    case["pages"][0][3] = -14


def wrong_errno(case: dict[str, Any]) -> None:
    case["rc"], case["errno"] = -1, 1


def wrong_free_block(case: dict[str, Any]) -> None:
    case["buddyinfo1"]["DMA32"][3] += 1


def upper_half_first(case: dict[str, Any]) -> None:
    """The first allocation that split a block would have taken its upper half."""
    case["events"][0][1] ^= 1


def a_page_moved_down(case: dict[str, Any]) -> None:
    case["compaction"]["moves"][0].reverse()


PLANTED: list[tuple[str, Callable[[dict[str, Any]], None]]] = [
    ("vma", wrong_result),
    ("vma", wrong_rights),
    ("vma", wrong_resident),
    ("cow", wrong_mapcount),
    ("cow", wrong_kept),
    ("ksm", wrong_counter),
    ("ksm", wrong_partition),
    ("move_pages", wrong_status),
    ("move_pages", wrong_errno),
    ("buddy", wrong_free_block),
    ("buddy", upper_half_first),
    ("compaction", a_page_moved_down),
]


@pytest.mark.parametrize(("kind", "plant"), PLANTED)
def test_a_planted_error_is_found(
    kind: str, plant: Callable[[dict[str, Any]], None]
) -> None:
    hold = KINDS[kind].hold
    case = copy.deepcopy(first_case(kind))
    plant(case)
    differs = hold(case)
    assert differs is not None
    asked, expected, got = differs
    assert asked
    assert expected != got


def test_errors_are_planted_in_every_kind() -> None:
    assert {kind for kind, _ in PLANTED} == FILES.keys(), "add one to PLANTED"


# Planted errors in the model: the recordings catch a kernel that does otherwise.


def differing(kind: str) -> int:
    path = str(DATA / FILES[kind])
    recorded = read_recorded(path, read_bytes(path), KINDS.values())
    return len(hold_against(recorded, lambda _: None).differences)


def test_an_allocator_that_hands_out_the_upper_half_is_caught(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def merges_never(*_: object) -> None:
        return None

    monkeypatch.setattr(buddy, "free_buddy", merges_never)
    assert differing("buddy") == 1


def test_vmas_that_never_merge_are_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vma, "can_merge_after", lambda *_: False)
    assert differing("vma") > 10


@pytest.mark.slow
def test_a_ksm_that_never_finds_a_stable_page_is_caught(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def finds_none(*_: object) -> None:
        return None

    monkeypatch.setattr(ksm_merge, "stable_tree_search", finds_none)
    assert differing("ksm") > 10


def test_a_compaction_whose_free_scanner_takes_nothing_is_caught(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(compaction, "suitable_migration_target", lambda *_: False)
    assert differing("compaction") == 1


# Malformed cases are refused before anything is run.


@pytest.mark.parametrize(
    ("kind", "changes", "cause"),
    [
        ("vma", {"ops": [["jump", 1]]}, "1 operations, but"),
        ("vma", {"ops": {}}, "ops and steps should be lists"),
        ("vma", {"ops": [["jump"]], "steps": [[0, 0, {}, []]]}, "none that is known"),
        ("vma", {"ops": [["munmap", 1]], "steps": [[0, 0, {}, []]]}, "its numbers"),
        ("vma", {"ops": [["fork"]], "steps": [[0]]}, "not a list of four"),
        ("cow", {"ops": [["w", 5, 0]], "steps": [[{}, {}]]}, "there is no process 5"),
        ("cow", {"ops": [["w", 0, 9]], "steps": [[{}, {}]]}, "there is no page 9"),
        ("cow", {"ops": [["w", 0, 0]], "steps": [[{}]]}, "not a list of two"),
        ("ksm", {"pages": 0}, "no number of pages"),
        ("ksm", {"initial": [[1]]}, "initial"),
        ("ksm", {"steps": [["merge"]]}, "not a list of four"),
        ("move_pages", {"flags": "x"}, "flags: 'x' is not a number"),
        ("move_pages", {"pages": [["anon", 7, 0, 0, 0]]}, "there is no node 7"),
        ("move_pages", {"pages": [["odd"]]}, "not a kind and four numbers"),
        ("buddy", {"kpf0": []}, "kpf0 should be a list of runs"),
        ("buddy", {"kpf0": [[0, 2, "F"], [1, 2, "F"]]}, "out of order"),
        ("buddy", {"events": [["a", 1]]}, "event 0"),
        ("buddy", {"buddyinfo0": {"DMA": [1]}}, "should have 11 numbers"),
        ("compaction", {"compaction": []}, "compaction should be an object"),
    ],
)
def test_a_malformed_case_is_refused(
    kind: str, changes: dict[str, Any], cause: str
) -> None:
    check = KINDS[kind].check
    case = first_case(kind)
    check(case)
    with pytest.raises(Malformed, match=cause):
        check({**case, **changes})


def test_a_malformed_case_names_its_place_in_the_file() -> None:
    whole = document("cow")
    whole["cases"][2]["ops"][1] = ["w", 9, 0]
    with pytest.raises(NotRecorded, match="case 2 is malformed: operation 1"):
        read_recorded("cow", json.dumps(whole).encode(), KINDS.values())
