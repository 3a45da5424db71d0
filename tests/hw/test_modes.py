"""The tables of the modes: reserved bits, large pages, what the CPU can do."""

from __future__ import annotations

from itertools import pairwise

import pytest
from page_tables import ALL, MODE_NAMES, READ, Mapped, offset

from kmm.hw.modes import (
    BITS_32,
    LONG,
    MODES,
    PAE,
    PS,
    XD,
    CpuId,
    Level,
    P,
    bits,
    levels_of,
)


def level(
    mode: str, entry: str, *, pse: bool = True, nxe: bool = True, **cpu: object
) -> Level:
    made = levels_of(MODES[mode], CpuId(**cpu), pse=pse, nxe=nxe)  # type: ignore[arg-type]
    return next(level for level in made if level.entry == entry)


def test_bits_are_written_as_the_manual_writes_them() -> None:
    assert bits(7, 4) == 0xF0
    assert bits(3, 3) == 0x8
    assert bits(3, 4) == 0


@pytest.mark.parametrize(
    ("mode", "split"),
    [("long", [9, 9, 9, 9]), ("pae", [2, 9, 9]), ("32", [10, 10])],
)
def test_the_address_is_split_as_the_mode_says(mode: str, split: list[int]) -> None:
    levels = MODES[mode].levels
    assert [level.index_bits for level in levels] == split
    assert sum(split) + 12 == MODES[mode].address_bits
    for above, below in pairwise(levels):
        assert above.shift == below.shift + below.index_bits
    assert levels[-1].shift == 12


@pytest.mark.parametrize("mode", MODE_NAMES)
def test_a_table_fits_its_frame(mode: str) -> None:
    for made in MODES[mode].levels:
        size = made.entries * made.entry_bytes
        assert size == (32 if made.in_register else 4096)


@pytest.mark.parametrize("mode", MODE_NAMES)
@pytest.mark.parametrize("width", [32, 36, 40, 52])
def test_no_bit_is_both_address_and_reserved(mode: str, width: int) -> None:
    for made in levels_of(MODES[mode], CpuId(width), pse=True, nxe=False):
        assert not made.table_address & made.reserved
        assert not made.page_address & made.reserved_in_leaf
        assert not (made.table_address | made.page_address) & 0xFFF


@pytest.mark.parametrize("width", [36, 40, 46, 52])
def test_in_4_level_paging_bits_above_51_belong_to_software(width: int) -> None:
    for entry in ("PML4E", "PDPTE", "PDE", "PTE"):
        made = level("long", entry, maxphyaddr=width)
        for mask in (made.reserved, made.reserved_in_leaf):
            assert mask & bits(51, width) == bits(51, width)
            assert not mask & bits(62, 52)
            assert not mask & XD


@pytest.mark.parametrize("width", [32, 36, 40, 52])
def test_in_pae_paging_they_are_reserved_up_to_62(width: int) -> None:
    for entry in ("PDE", "PTE"):
        made = level("pae", entry, maxphyaddr=width)
        assert made.reserved & bits(62, width) == bits(62, width)
        assert made.reserved_in_leaf & bits(62, width) == bits(62, width)
    pdpte = level("pae", "PDPTE", maxphyaddr=width)
    assert pdpte.reserved == bits(63, width) | bits(8, 5) | bits(2, 1)
    assert level("pae", "PDPTE", maxphyaddr=width, nxe=False).reserved == pdpte.reserved


@pytest.mark.parametrize("mode", ["long", "pae"])
def test_xd_is_reserved_without_nxe(mode: str) -> None:
    for made in levels_of(MODES[mode], CpuId(), pse=True, nxe=False):
        assert made.reserved & XD
        assert made.in_register or made.reserved_in_leaf & XD


def test_a_pml4e_maps_no_page_and_its_ps_must_be_0() -> None:
    made = level("long", "PML4E")
    assert made.leaf_bit == 0
    assert made.reserved & PS


def test_a_pdpte_maps_a_page_only_if_the_cpu_has_1_gbyte_pages() -> None:
    assert level("long", "PDPTE").leaf_bit == PS
    assert not level("long", "PDPTE").reserved & PS
    without = level("long", "PDPTE", page1gb=False)
    assert without.leaf_bit == 0
    assert without.reserved & PS


@pytest.mark.parametrize(
    ("mode", "entry", "low"),
    [
        ("long", "PDPTE", bits(29, 13)),
        ("long", "PDE", bits(20, 13)),
        ("pae", "PDE", bits(20, 13)),
    ],
)
def test_the_address_of_a_large_page_is_a_multiple_of_its_size(
    mode: str, entry: str, low: int
) -> None:
    made = level(mode, entry)
    assert made.reserved_in_leaf & bits(30, 12) == low, "all but PAT"
    assert not made.reserved & low


@pytest.mark.parametrize("low_bit", [13, 20])
def test_a_large_page_at_another_place_is_a_reserved_bit_fault(low_bit: int) -> None:
    mapped = Mapped("long")
    mapped.put(2, 0x60_0000 | ALL | PS | 1 << low_bit)
    assert mapped.reach(READ) == "#PF 0xd"


# 4-MByte pages.


def test_bit_7_of_a_pde_means_nothing_without_pse() -> None:
    assert level("32", "PDE", pse=False).leaf_bit == 0
    assert level("32", "PDE", pse=False).reserved == 0
    mapped = Mapped("32", [ALL | PS, ALL], {"pse": False})
    assert mapped.reach(READ) == 0x60_0123
    assert level("pae", "PDE", pse=False).leaf_bit == PS, "PAE paging does not ask"


@pytest.mark.parametrize(
    ("width", "used"),
    [
        (32, 0),
        (36, bits(16, 13)),
        (39, bits(19, 13)),
        (40, bits(20, 13)),
        (52, bits(20, 13)),
    ],
)
def test_pse36_uses_as_many_bits_as_there_are_address_bits(
    width: int, used: int
) -> None:
    made = level("32", "PDE", maxphyaddr=width)
    assert made.page_address == bits(31, 22) | used
    assert made.reserved_in_leaf == bits(21, 13) & ~used
    without = level("32", "PDE", maxphyaddr=width, pse36=False)
    assert without.page_address == bits(31, 22)
    assert without.reserved_in_leaf == bits(21, 13)


def test_bits_20_to_13_are_address_bits_39_to_32() -> None:
    mapped = Mapped("32")
    mapped.put(0, 0x00C0_0000 | 0xA5 << 13 | ALL | PS)
    place = 0xA5 << 32 | 0x00C0_0000 | offset(mapped.levels[0], mapped.address)
    assert mapped.reach(READ) == place
    mapped.put(0, 0x00C0_0000 | 1 << 21 | ALL | PS)
    assert mapped.reach(READ) == "#PF 0xd"


def test_the_last_level_always_maps_a_page() -> None:
    for mode in (LONG, PAE, BITS_32):
        last = levels_of(mode, CpuId(), pse=True, nxe=True)[-1]
        assert last.leaf_bit == P
        assert last.page_address & ~bits(51, 12) == 0
