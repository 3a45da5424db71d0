"""kmm mmu: walks and entries, from examples, files and options."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from cli.running import kmm

from kmm.conform.examples import EXAMPLES


def walk(*arguments: str) -> dict[str, Any]:
    ran = kmm("mmu", "walk", *arguments, "--json")
    assert (ran.code, ran.err) == (0, "")
    return ran.json


def refused(*arguments: str) -> str:
    ran = kmm("mmu", *arguments)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.count("\n") == 1
    return ran.err


@pytest.fixture
def memory(tmp_path: Path) -> Path:
    path = tmp_path / "tables.json"
    path.write_text(json.dumps(EXAMPLES["user-page"].case))
    return path


# Walks.


def test_a_walk_is_drawn_entry_by_entry_to_its_end() -> None:
    out = kmm("mmu", "walk").out
    for words in (
        "4-level paging: user-mode read at 0x7fffffffe123",
        "PML4 at 0x1000, entry 0xff (address bits 47:39)",
        "PTE at 0x4ff0 = 0x8000000000005067",
        "P R/W U/S A D XD -> 4-KByte page at 0x5000",
        "Physical address 0x5123.",
    ):
        assert words in out


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_example_fits_80_columns_and_exits_0(name: str) -> None:
    ran = kmm("mmu", "walk", "--example", name)
    assert (ran.code, ran.err) == (0, "")
    assert all(len(line) <= 80 for line in ran.out.splitlines())
    assert ("#PF" in ran.out or "#GP" in ran.out) != ("Physical address" in ran.out)


def test_json_has_the_levels_and_the_outcome() -> None:
    found = walk()
    assert [level["entry"] for level in found["levels"]] == [
        "PML4E",
        "PDPTE",
        "PDE",
        "PTE",
    ]
    assert found["levels"][-1]["bits"]["XD"] == 1
    assert found["outcome"]["phys"] == "0x5123"


def test_a_fault_says_why_and_is_no_error_of_ours() -> None:
    outcome = walk("--example", "read-only")["outcome"]
    assert outcome["vector"] == 14
    assert outcome["error_code"] == 7
    assert outcome["cr2"] == "0x7fffffffe123"
    assert "R/W is 0 in the PTE" in outcome["why"]


@pytest.mark.parametrize(
    ("options", "error"),
    [
        (("--write",), None),
        (("--fetch",), 0x15),
        (("--fetch", "--no-nxe"), 0xD),
        (("--supervisor", "--smap"), 1),
        (("--supervisor", "--smap", "--ac"), None),
        (("--supervisor", "--smep", "--fetch"), 0x11),
        (("7ffffffff000",), 4),
        (("--cr3", "9000"), 4),
        (("--example", "read-only", "--read"), None),
        (("--example", "read-only", "--supervisor"), 3),
        (("--example", "read-only", "--supervisor", "--no-wp"), None),
        (("--example", "reserved"), 0xD),
        (("--example", "reserved", "--maxphyaddr", "41"), None),
    ],
)
def test_options_say_who_does_what_and_on_which_cpu(
    options: tuple[str, ...], error: int | None
) -> None:
    assert walk(*options)["outcome"].get("error_code") == error


def test_a_memory_file_is_walked_and_options_go_before_it(memory: Path) -> None:
    assert walk("--memory", str(memory))["outcome"]["phys"] == "0x5123"
    other = walk("--memory", str(memory), "7fffffffefff", "--write")
    assert other["outcome"]["phys"] == "0x5fff"
    assert other["access"] == "write"


def test_a_memory_file_needs_no_more_than_cr3_and_mem(tmp_path: Path) -> None:
    path = tmp_path / "least.json"
    path.write_text(json.dumps({"cr3": "1000", "mem": {"1000": "0x2067"}}))
    found = walk("--memory", str(path), "0")
    assert [level["value"] for level in found["levels"]] == ["0x2067", "0x0"]
    assert "no address" in refused("walk", "--memory", str(path))


@pytest.mark.parametrize(
    ("content", "cause"),
    [
        ("", "is not JSON"),
        ("[]", "not an object"),
        ("{}", "has no 'cr3'"),
        ('{"cr3": 4096}', "has no 'mem'"),
        ('{"cr3": -1, "mem": {}}', "cr3 is not a number"),
        ('{"cr3": "xyz", "mem": {}}', "cr3 is not a number"),
        ('{"cr3": 1e99, "mem": {}}', "cr3 is not a number"),
        ('{"cr3": 0, "mem": []}', "mem should map"),
        ('{"cr3": 0, "mem": {"1001": "0"}}', "multiples of 8"),
        ('{"cr3": 0, "mem": {"fffffffffff8": "0"}}', "below 2^40"),
        ('{"cr3": 0, "mem": {"8": "12345678123456781"}}', "64 bits"),
        ('{"cr3": 0, "mem": {"8": null}}', "64 bits"),
        ('{"mode": "32", "cr3": 0, "mem": {"4": "123456789"}}', "longer than 4"),
        ('{"mode": "real", "cr3": 0, "mem": {}}', "no mode is called 'real'"),
        ('{"access": "jump", "cr3": 0, "mem": {}}', "access is 'jump'"),
        ('{"cr0": 0, "cr3": 0, "mem": {}, "vaddr": 0}', "registers select none"),
        ('{"cr4": 0, "cr3": 0, "mem": {}, "vaddr": 0}', "#GP(0)"),
    ],
)
def test_a_bad_memory_file_is_one_line(
    tmp_path: Path, content: str, cause: str
) -> None:
    path = tmp_path / "bad.json"
    path.write_text(content)
    assert cause in refused("walk", "--memory", str(path))


@pytest.mark.parametrize(
    ("arguments", "cause"),
    [
        (("walk", "xyz"), "'xyz' is not a hexadecimal number"),
        (("walk", "1" * 17), "up to 64 bits"),
        (("walk", "--example", "pae", "100000000"), "more than the 32 bits"),
        (("walk", "--example", "nope"), "invalid choice"),
        (("walk", "--maxphyaddr", "53"), "from 32 to 52"),
        (("walk", "--read", "--write"), "not allowed with"),
        (("walk", "--memory", "/nonexistent"), "No such file"),
        (("walk", "--cr3", "10000000000"), "beyond MAXPHYADDR"),
        ((), "required: WHAT"),
        (("decode",), "required: ENTRY"),
        (("decode", "1", "--level", "pmd2"), "has no level 'pmd2'; it has pml4e"),
        (("decode", "1", "--mode", "32", "--level", "pdpte"), "it has pde, pte"),
        (("decode", "100000000", "--mode", "32"), "longer than the 4 bytes"),
    ],
)
def test_bad_input_is_one_line_that_names_the_cause(
    arguments: tuple[str, ...], cause: str
) -> None:
    assert cause in refused(*arguments)


# Entries.


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("8000000000005067",), "It maps the 4-KByte page at 0x5000."),
        (("5067", "--level", "pde"), "It refers to the table at 0x5000."),
        (("600083", "--level", "pmd"), "It maps the 2-MByte page at 0x600000."),
        (("602083", "--level", "pde"), "a reserved bit is 1"),
        (("600083", "--level", "2"), "It maps the 2-MByte page at 0x600000."),
        (("5067", "--level", "2", "--mode", "32"), "It refers to the table at 0x5000."),
        (("c061e3", "--level", "pde", "--mode", "32"), "4-MByte page at 0x300c00000"),
        (("2001", "--level", "pdpte", "--mode", "pae"), "It refers to the table"),
        (("a3e",), "migration entry: page frame 0x5 is being moved, and was writable"),
        (("a3c",), "and was read-only here"),
        (("202",), "swap entry: device 1, offset 0x1"),
        (("0",), "To Linux it is empty"),
        (("8000000000005067", "--no-nxe"), "a reserved bit is 1"),
        (("10000005067", "--maxphyaddr", "41"), "page at 0x10000005000"),
    ],
)
def test_an_entry_is_decoded(arguments: tuple[str, ...], words: str) -> None:
    ran = kmm("mmu", "decode", *arguments)
    assert (ran.code, ran.err) == (0, "")
    assert words in " ".join(ran.out.split())
    assert all(len(line) <= 80 for line in ran.out.splitlines())


def test_the_bits_of_an_entry_are_listed_lowest_first() -> None:
    lines = kmm("mmu", "decode", "8000000000005067").out.splitlines()
    assert lines[2].split() == ["0", "P", "1", "present"]
    assert lines[-3].split()[:3] == ["63", "XD", "1"]


def test_json_of_an_entry_has_its_bits_and_what_it_means() -> None:
    found = kmm("mmu", "decode", "5067", "--level", "pgd", "--json").json
    assert found["entry"] == "PML4E"
    assert found["linux"] == "pgd"
    assert found["bits"]["R/W"] == 1
    assert found["maps_page"] is False
    assert found["leads_to"] == "0x5000"
