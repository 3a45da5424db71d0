"""kmm conform: counts, differences, exit codes, bad files."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from cli.running import kmm

from kmm.conform.examples import EXAMPLES

DATA = Path(__file__).parents[1] / "conform" / "data"
FILES = sorted(str(path) for path in DATA.glob("*.json.gz"))
KEYS = {"file": str, "kind": str, "cases": int, "agreed": int, "skipped": int}


@pytest.fixture
def wrong(tmp_path: Path) -> str:
    """A file in which one of two expectations is not what a CPU does."""
    right: dict[str, Any] = {
        **EXAMPLES["user-page"].case,
        "expect": {"phys": "5123", "ad": {}},
    }
    cases = [right, {**right, "expect": {"phys": "6123", "ad": {}}}]
    path = tmp_path / "wrong.json"
    path.write_text(json.dumps({"cases": cases}))
    return str(path)


def test_files_that_agree_are_a_line_each_and_exit_0() -> None:
    ran = kmm("conform", *FILES)
    assert (ran.code, ran.err) == (0, "")
    assert (
        "mmu_tlb_disciplined.json.gz: tlb, 600 cases: 600 agreed, 0 differ" in ran.out
    )
    assert ran.out.count(": mmu, ") == 2


def test_a_difference_is_shown_and_exits_1(wrong: str) -> None:
    ran = kmm("conform", wrong)
    assert ran.code == 1
    assert "2 cases: 1 agreed, 1 differ" in ran.out
    assert "case 1: r at 0x7fffffffe123" in ran.out
    assert "recorded: physical 0x6123" in ran.out
    assert "kmm:      physical 0x5123" in ran.out


def test_json_is_a_list_with_an_object_for_each_file(wrong: str) -> None:
    ran = kmm("conform", *FILES, wrong, "--json")
    assert ran.code == 1
    found: Any = ran.json
    assert [one["file"] for one in found] == [*FILES, wrong]
    for one in found:
        assert {key: type(one[key]) for key in KEYS} == KEYS
        assert len(one["differences"]) == one["differing"]
        assert one["agreed"] + one["skipped"] + one["differing"] == one["cases"]
    assert found[-1]["differences"][0]["case"] == 1


def test_the_kind_is_known_from_the_content_whatever_the_name(tmp_path: Path) -> None:
    path = tmp_path / "vma_linux618.txt"
    path.write_bytes(gzip.decompress(Path(FILES[-1]).read_bytes()))
    assert ": tlb, " in kmm("conform", str(path)).out


def test_every_file_is_read_before_the_first_case_is_run(wrong: str) -> None:
    ran = kmm("conform", wrong, "/nonexistent")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == "kmm: cannot read '/nonexistent': No such file or directory\n"


@pytest.mark.parametrize(
    ("data", "cause"),
    [(b"no", "is not JSON"), (b"{}", "none of the kinds that kmm knows: mmu, tlb")],
)
def test_a_bad_file_is_one_line_and_exits_2(
    tmp_path: Path, data: bytes, cause: str
) -> None:
    path = tmp_path / "bad.json"
    path.write_bytes(data)
    ran = kmm("conform", str(path))
    assert (ran.code, ran.out) == (2, "")
    assert cause in ran.err
    assert ran.err.count("\n") == 1


def test_a_malformed_case_exits_2(tmp_path: Path) -> None:
    path = tmp_path / "bad.json"
    case = {"mode": "long", "mem": {}, "vaddr": "0", "access": "r", "expect": {}}
    path.write_text(json.dumps({"cases": [case]}))
    ran = kmm("conform", str(path))
    assert ran.code == 2
    assert "case 0 is malformed" in ran.err


def test_without_a_file_the_way_out_is_named() -> None:
    ran = kmm("conform")
    assert ran.code == 2
    assert "see kmm conform --help" in ran.err
