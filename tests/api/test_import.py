"""`import kmm`: cheap, and the names are there."""

from __future__ import annotations

import pytest
from cli.running import python

import kmm


def test_importing_kmm_loads_none_of_its_rooms() -> None:
    ran = python(
        "import kmm, sys; print([m for m in sys.modules if m.startswith('kmm.')])"
    )
    assert (ran.out, ran.err) == ("[]\n", "")


def test_the_first_use_of_a_name_loads_them_and_no_screen() -> None:
    ran = python(
        "import kmm, sys; print(kmm.run); "
        "print('kmm.sim' in sys.modules, 'textual' in sys.modules)"
    )
    assert ran.out.startswith("<function run at")
    assert ran.out.endswith("\nTrue False\n")


def test_every_name_can_be_had_and_is_listed() -> None:
    for name in kmm.API:
        assert getattr(kmm, name).__module__.startswith("kmm.api.")
        assert getattr(kmm, name).__doc__
    assert {*kmm.API} <= {*dir(kmm)}


def test_another_name_is_no_attribute() -> None:
    with pytest.raises(AttributeError, match="'kmm' has no attribute 'hnut'"):
        kmm.hnut  # type: ignore[attr-defined] # noqa: B018
