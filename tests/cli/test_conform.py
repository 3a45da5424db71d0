"""kmm conform: counts, differences, exit codes, bad files."""

from __future__ import annotations

import gzip
import json
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from cli.running import fresh_kmm, kmm, pretend_terminal, refused

from kmm.cli import progress
from kmm.cli.main import main
from kmm.conform import mmu
from kmm.conform.examples import EXAMPLES
from kmm.conform.machine import CPUID, RecordedMachine
from kmm.conform.recorded import Case
from kmm.hw.modes import CpuId

DATA = Path(__file__).parents[1] / "conform" / "data"
FILES = sorted(str(path) for path in DATA.glob("mmu_*.json.gz"))
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
        "mmu_tlb_disciplined.json.gz: tlb, 233 cases: 233 agreed, 0 differ" in ran.out
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


def test_a_malformed_case_is_said_before_anything_is_run(tmp_path: Path) -> None:
    path = tmp_path / "bad.json"
    case = {"mode": "long", "mem": {}, "vaddr": "0", "access": "r", "expect": {}}
    path.write_text(json.dumps({"cases": [case]}))
    ran = kmm("conform", FILES[0], str(path))
    assert refused(ran, "case 0 is malformed: it has no 'cr0'; see kmm conform --help")


def test_a_directory_is_refused_and_named(tmp_path: Path) -> None:
    assert refused(kmm("conform", str(tmp_path)), "Is a directory")


def test_dash_reads_standard_input() -> None:
    text = gzip.decompress(Path(FILES[0]).read_bytes()).decode()
    ran = fresh_kmm("conform", "-", stdin=text)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith("-: mmu, ")


@pytest.fixture
def ctrl_c_at_case_100(monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = count()

    class Interrupted(RecordedMachine):
        def __init__(self, case: Case, cpuid: CpuId = CPUID) -> None:
            if next(numbers) == 100:
                raise KeyboardInterrupt
            super().__init__(case, cpuid)

    monkeypatch.setattr(mmu, "RecordedMachine", Interrupted)


@pytest.mark.usefixtures("ctrl_c_at_case_100")
def test_ctrl_c_reports_what_was_covered_and_exits_130() -> None:
    ran = kmm("conform", FILES[0], FILES[-1])
    assert (ran.code, ran.err) == (130, "")
    words = " ".join(ran.out.split())
    assert "100 agreed, 0 differ; interrupted after 100" in words
    assert ran.out.count(": mmu, ") == 1  # and nothing of the next file


@pytest.mark.usefixtures("ctrl_c_at_case_100")
def test_ctrl_c_gives_whole_json() -> None:
    ran = kmm("conform", FILES[-1], FILES[0], "--json")
    assert ran.code == 130
    found: Any = ran.json
    assert [one["interrupted"] for one in found] == [False, True]
    assert found[1]["agreed"] == 100


def test_progress_is_shown_on_a_terminal_unless_quiet(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(progress, "REDRAW", 0.0)
    terminal = pretend_terminal(monkeypatch, "stderr")
    assert main(["conform", FILES[0], "--quiet"]) == 0
    assert terminal.getvalue() == ""
    assert main(["conform", FILES[0]]) == 0
    assert "running mmu_exhaustive.json.gz: 1 cases" in terminal.getvalue()


def test_without_a_file_the_way_out_is_named() -> None:
    ran = kmm("conform")
    assert ran.code == 2
    assert "see kmm conform --help" in ran.err
