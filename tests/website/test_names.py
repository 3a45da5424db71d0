from __future__ import annotations

import pytest
from website.names import inventory, modules, resolve


def test_modules_stand_in_the_order_in_which_they_are_to_be_read() -> None:
    names = [module.name for module in modules()]
    rooms = [name.split(".")[1] for name in names if name.count(".") == 1]
    assert rooms[:5] == ["sim", "hw", "mm", "kernel", "fs"]
    order = ["kmm.mm", "kmm.mm.mm_types", "kmm.mm.rmap", "kmm.mm.migrate", "kmm.fs"]
    assert [name for name in names if name in order] == order
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    ("short", "at", "full"),
    [
        ("vma_address", "kmm.mm.rmap", "kmm.mm.rmap.vma_address"),
        ("rmap.vma_address", "kmm.mm.migrate", "kmm.mm.rmap.vma_address"),
        ("mm_types.VmArea", "kmm.mm", "kmm.mm.mm_types.VmArea"),
        ("kmm.sim.machine.Machine.step", "", "kmm.sim.machine.Machine.step"),
        ("SWAP_AGAIN", "kmm.mm.rmap", "kmm.mm.rmap.SWAP_AGAIN"),
        ("try_to_unmap_one", "", "kmm.mm.rmap.try_to_unmap_one"),
        ("shift_arg_pages", "kmm.mm", "kmm.fs.exec.shift_arg_pages"),
        ("no_such_thing", "kmm.mm.rmap", None),
        ("walk", "", None),  # a word, and no name
    ],
)
def test_a_short_name_is_understood_where_it_stands(
    short: str, at: str, full: str | None
) -> None:
    assert resolve(short, at) == full


def test_what_is_private_has_no_place() -> None:
    assert not [name for name in inventory() if "._" in name]
