"""The walk: order of the checks, rights, error codes, accessed and dirty flags."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from page_tables import ALL, FETCH, FRAME, MODE_NAMES, READ, WRITE, Mapped, offset

from kmm.hw.memory import VirtAddr
from kmm.hw.modes import PS, RW, US, XD, A, CpuId, D, G, P
from kmm.hw.paging import (
    ACCESSES,
    NO_EXECUTE,
    USER,
    WRITABLE,
    GeneralProtection,
    Operation,
    PageFault,
    access,
    paging,
    permits,
    translate,
)
from kmm.sim.machine import Machine, run_alone
from kmm.sim.search import search
from kmm.sim.strategies import SourceDpor
from kmm.sim.thread import KThread

LEVELS = [(mode, n) for mode in MODE_NAMES for n in range(len(Mapped(mode).levels))]
WITH_RIGHTS = [case for case in LEVELS if case != ("pae", 0)]
WIDE = [case for case in LEVELS if case[0] != "32"]


def with_flags(mode: str, number: int, *, add: int = 0, drop: int = 0) -> list[int]:
    """Flags that allow everything, but for those of one level."""
    flags = [ALL] * len(Mapped(mode).levels)
    flags[number] = flags[number] & ~drop | add
    return flags


@pytest.mark.parametrize("mode", MODE_NAMES)
def test_a_mapped_address_leads_to_its_byte_in_the_page(mode: str) -> None:
    assert Mapped(mode).reach(READ) == FRAME + 0x123


@pytest.mark.parametrize(("mode", "level"), LEVELS)
def test_an_entry_that_is_not_present_faults_whatever_else_is_in_it(
    mode: str, level: int
) -> None:
    assert Mapped(mode, with_flags(mode, level, drop=P)).reach(WRITE) == "#PF 0x6"
    if mode != "32":
        reserved = with_flags(mode, level, drop=P, add=1 << 45 | XD)
        assert Mapped(mode, reserved).reach(READ) == "#PF 0x4"


@pytest.mark.parametrize(("mode", "level"), WITH_RIGHTS)
def test_one_level_is_enough_to_deny(mode: str, level: int) -> None:
    assert Mapped(mode, with_flags(mode, level, drop=US)).reach(READ) == "#PF 0x5"
    assert Mapped(mode, with_flags(mode, level, drop=RW)).reach(WRITE) == "#PF 0x7"
    assert Mapped(mode, with_flags(mode, level, drop=RW)).reach(READ) == FRAME + 0x123
    supervisor = Mapped(mode, with_flags(mode, level, drop=US))
    assert supervisor.reach(WRITE, user=False) == FRAME + 0x123


def test_a_pdpte_of_pae_paging_denies_nothing() -> None:
    assert Mapped("pae", [P, ALL, ALL]).reach(WRITE) == FRAME + 0x123


@pytest.mark.parametrize("mode", MODE_NAMES)
def test_the_supervisor_may_write_a_read_only_page_only_without_wp(mode: str) -> None:
    flags = with_flags(mode, 1, drop=RW)
    assert Mapped(mode, flags).reach(WRITE, user=False) == "#PF 0x3"
    free = Mapped(mode, flags, {"wp": False})
    assert free.reach(WRITE, user=False) == FRAME + 0x123
    assert free.reach(WRITE, user=True) == "#PF 0x7"


@pytest.mark.parametrize(("mode", "level"), [c for c in WIDE if c != ("pae", 0)])
def test_xd_forbids_fetches_only_if_nxe_honours_it(mode: str, level: int) -> None:
    flags = with_flags(mode, level, add=XD)
    for user in (True, False):
        who = 4 if user else 0
        assert Mapped(mode, flags).reach(FETCH, user=user) == f"#PF {0x11 | who:#x}"
        assert Mapped(mode, flags).reach(READ, user=user) == FRAME + 0x123
        # Without NXE the bit is reserved, whatever the access.
        without = Mapped(mode, flags, {"nxe": False})
        assert without.reach(READ, user=user) == f"#PF {0x9 | who:#x}"


def test_32_bit_paging_has_no_xd() -> None:
    assert Mapped("32").reach(FETCH) == FRAME + 0x123
    assert Mapped("32", [ALL, ALL & ~US]).reach(FETCH) == "#PF 0x5", "no I/D either"


@pytest.mark.parametrize("mode", ["long", "pae"])
def test_a_fetch_that_faults_is_reported_as_one_only_with_nxe_or_smep(
    mode: str,
) -> None:
    absent = with_flags(mode, 1, drop=P)
    assert Mapped(mode, absent).reach(FETCH) == "#PF 0x14"
    assert Mapped(mode, absent, {"nxe": False}).reach(FETCH) == "#PF 0x4"
    assert Mapped(mode, absent, {"nxe": False, "smep": True}).reach(FETCH) == "#PF 0x14"
    assert Mapped("32", [ALL, 0], {"smep": True}).reach(FETCH) == "#PF 0x14"


@pytest.mark.parametrize(("mode", "level"), WITH_RIGHTS)
def test_smep_keeps_the_supervisor_from_user_code_only(mode: str, level: int) -> None:
    smep = {"smep": True}
    for ac in (False, True):  # of no help here
        fetch = Mapped(mode, None, smep).reach(FETCH, user=False, ac=ac)
        assert fetch == "#PF 0x11"
    assert Mapped(mode, None, smep).reach(FETCH, user=True) == FRAME + 0x123
    assert Mapped(mode, None, smep).reach(WRITE, user=False) == FRAME + 0x123
    own = with_flags(mode, level, drop=US)  # a user page is one on every level
    assert Mapped(mode, own, smep).reach(FETCH, user=False) == FRAME + 0x123


@pytest.mark.parametrize(("mode", "level"), WITH_RIGHTS)
def test_smap_keeps_the_supervisor_from_user_data_unless_ac_is_set(
    mode: str, level: int
) -> None:
    smap = {"smap": True}
    for operation, error in ((READ, "#PF 0x1"), (WRITE, "#PF 0x3")):
        mapped = Mapped(mode, None, smap)
        assert mapped.reach(operation, user=False) == error
        assert mapped.reach(operation, user=False, ac=True) == FRAME + 0x123
        assert mapped.reach(operation, user=True) == FRAME + 0x123
        own = Mapped(mode, with_flags(mode, level, drop=US), smap)
        assert own.reach(operation, user=False) == FRAME + 0x123
    assert Mapped(mode, None, smap).reach(FETCH, user=False) == FRAME + 0x123


def test_smap_lets_nobody_write_what_is_read_only() -> None:
    mapped = Mapped("long", with_flags("long", 3, drop=RW), {"smap": True})
    assert mapped.reach(WRITE, user=False, ac=True) == "#PF 0x3"


@pytest.mark.parametrize(("mode", "level"), WIDE)
def test_a_reserved_bit_wins_over_missing_rights(mode: str, level: int) -> None:
    if (mode, level) == ("pae", 0):
        return  # checked when it is loaded
    flags = with_flags(mode, level, add=1 << 45, drop=RW | US)
    assert Mapped(mode, flags).reach(WRITE) == "#PF 0xf"


@pytest.mark.parametrize("level", range(4))
def test_a_bad_entry_above_is_met_before_a_bad_one_below(level: int) -> None:
    flags = [ALL] * 4
    flags[level] |= 1 << 45
    for below in range(level + 1, 4):
        flags[below] = 0
    assert Mapped("long", flags).reach(READ) == "#PF 0xd"


@pytest.mark.parametrize("mode", MODE_NAMES)
def test_a_read_sets_accessed_in_every_entry_and_dirty_in_none(mode: str) -> None:
    mapped = Mapped(mode)
    mapped.reach(READ)
    expected = [A] * len(mapped.levels)
    if mode == "pae":
        expected[0] = 0  # there is no such flag in a PDPTE
    assert [entry & (A | D) for entry in mapped.now()] == expected


def test_accessed_is_set_in_an_upper_entry_though_the_last_has_it_already() -> None:
    mapped = Mapped("long", [ALL | A, ALL, ALL | A, ALL | A | D])
    mapped.reach(READ)
    assert all(entry & A for entry in mapped.now())


@pytest.mark.parametrize("mode", MODE_NAMES)
def test_a_write_sets_dirty_in_the_last_entry_alone(mode: str) -> None:
    mapped = Mapped(mode)
    mapped.reach(WRITE)
    dirty = [bool(entry & D) for entry in mapped.now()]
    assert dirty == [False] * (len(dirty) - 1) + [True]
    assert mapped.now()[-1] & A


@pytest.mark.parametrize("mode", MODE_NAMES)
def test_a_walk_that_faults_changes_nothing(mode: str) -> None:
    mapped = Mapped(mode, with_flags(mode, len(Mapped(mode).levels) - 1, drop=RW))
    before = mapped.now()
    assert mapped.reach(WRITE) == "#PF 0x7"
    assert mapped.now() == before


@pytest.mark.parametrize(
    ("mode", "level", "frame"),
    [
        ("long", 1, 0x8000_0000),
        ("long", 2, 0x0060_0000),
        ("pae", 1, 0x0060_0000),
        ("32", 0, 0x00C0_0000),
    ],
)
def test_a_large_page_ends_the_walk(mode: str, level: int, frame: int) -> None:
    mapped = Mapped(mode)
    mapped.put(level, frame | ALL | PS | 1 << 12)  # bit 12 is PAT here
    if mode == "32":
        mapped.put(level, frame | ALL | PS)
    place = frame + offset(mapped.levels[level], mapped.address)
    assert mapped.reach(WRITE) == place
    assert mapped.now()[level] & (A | D) == A | D


@pytest.mark.parametrize(
    ("address", "canonical"),
    [
        (0x7FFF_FFFF_FFFF, True),
        (0x8000_0000_0000, False),
        (0xFFFF_7FFF_FFFF_FFFF, False),
        (0xFFFF_8000_0000_0000, True),
        (0x0001_0000_0000_0000, False),
        (0xFFFE_8000_0000_0000, False),
    ],
)
def test_bits_63_to_47_of_an_address_must_be_alike(
    address: int, canonical: bool
) -> None:
    mapped = Mapped("long")
    body = translate(
        mapped.tables, mapped.paging, VirtAddr(address), access(READ, user=True)
    )
    with pytest.raises(PageFault if canonical else GeneralProtection):
        run_alone(body)


def test_only_a_global_page_with_pge_is_remembered_as_global() -> None:
    for pge, flag in product((True, False), (0, G)):
        mapped = Mapped("long", [ALL, ALL, ALL, ALL | flag], {"pge": pge})
        how = access(READ, user=True)
        body = translate(mapped.tables, mapped.paging, mapped.address, how)
        assert run_alone(body).is_global == (pge and bool(flag))


# The table of rights.


@pytest.mark.parametrize("bits", list(product((False, True), repeat=4)))
def test_the_table_of_rights_says_what_the_rules_say(bits: tuple[bool, ...]) -> None:
    wp, nxe, smep, smap = bits
    made = paging(wp=wp, nxe=nxe, smep=smep, smap=smap)
    for how, rights in product(ACCESSES, range(8)):
        expected = permits(how, rights, wp=wp, nxe=nxe, smep=smep, smap=smap)
        assert made.allows(how, rights) == expected


@pytest.mark.parametrize("user", [True, False])
def test_a_page_that_no_code_may_run_in_is_told_by_nxe_alone(user: bool) -> None:
    """Without NXE an entry with XD is refused, but not one that the TLB has."""
    how, rights = access(FETCH, user=user), USER | WRITABLE | NO_EXECUTE
    rules = {"wp": True, "smep": False, "smap": False}
    assert not permits(how, rights, nxe=True, **rules)
    assert permits(how, rights, nxe=False, **rules)


# Any tables at all.

entry = st.builds(
    lambda low, high: low | high << 12,
    st.integers(0, 0xFFF),
    st.one_of(st.integers(1, 6), st.integers(0, (1 << 52) - 1)),
)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(
    st.lists(entry, min_size=4, max_size=4),
    st.sampled_from(list(Operation)),
    st.booleans(),
)
def test_a_walk_changes_nothing_but_accessed_and_dirty(
    entries: list[int], operation: Operation, user: bool
) -> None:
    mapped = Mapped("long")
    for number, value in enumerate(entries):
        mapped.put(number, value)
    before = mapped.now()
    outcome = mapped.reach(operation, user=user)
    for old, new in zip(before, mapped.now(), strict=True):
        assert old | A | D == new | A | D
        assert not old & ~new
    if isinstance(outcome, str):
        assert mapped.now() == before


@settings(max_examples=200, deadline=None, derandomize=True)
@given(
    st.integers(0, 0xFFF),
    st.integers(32, 52),
    st.integers(0, (1 << 52) - 1),
)
def test_an_address_of_a_page_is_as_wide_as_the_cpu_says(
    low: int, width: int, high: int
) -> None:
    frame = high & ~0xFFF
    mapped = Mapped("long", [ALL] * 4, {"cpu": CpuId(maxphyaddr=width)})
    mapped.put(3, frame | ALL)
    address = VirtAddr(mapped.address & ~0xFFF | low)
    body = translate(mapped.tables, mapped.paging, address, access(READ, user=True))
    if frame >> width:
        with pytest.raises(PageFault) as caught:
            run_alone(body)
        assert caught.value.error_code == 0xD
    else:
        assert run_alone(body).physical(address) == frame | low


# Other CPUs.


def test_a_walk_never_marks_an_entry_that_was_emptied_under_it() -> None:
    """Another CPU empties the last entry; whichever comes first, it stays empty."""
    seen = set()

    def boot() -> Machine:
        mapped = Mapped("long", [ALL | A, ALL | A, ALL | A, ALL])
        leaf = mapped.memory.pointer(mapped.where(3))
        how = access(WRITE, user=True)

        outcome: dict[str, bool] = {}

        async def walk() -> None:
            try:
                await translate(mapped.tables, mapped.paging, mapped.address, how)
                outcome["reached"] = True
            except PageFault:
                outcome["reached"] = False

        async def unmap() -> None:
            outcome["dirty"] = bool(await leaf.exchange(0) & D)

        def check() -> None:
            assert leaf.value == 0
            seen.add((outcome["reached"], outcome["dirty"]))

        bodies = (walk(), unmap())
        return Machine([KThread("t", i, i, b) for i, b in enumerate(bodies)], check)

    assert search(boot, SourceDpor()).verdict == "proved"
    # Whoever emptied the entry learns of the write, or there was none.
    assert seen == {(True, True), (False, False)}
