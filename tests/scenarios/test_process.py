"""A program's memory, and what it expects of it."""

from __future__ import annotations

import pytest
from building import boot

from kmm.mm.boot import run_on
from kmm.scenarios.process import BASE, start_in_scene
from kmm.sim.failure import Corruption


def test_memory_must_hold_what_the_program_wrote() -> None:
    k = boot()
    process = start_in_scene(k, "writer", 9, cpu=1)
    process.written[BASE] = b"one"
    with pytest.raises(Corruption, match="memory holds b''"):
        process.expect()
    run_on(k, process.write(0, b"one"), cpu=1)
    process.expect()
    run_on(k, process.read_back(0), cpu=1)
    page = process.page(0)
    assert page is not None
    process.k.memory.frame(page.pfn)[0] = ord("0")
    with pytest.raises(
        Corruption, match=r"writer\[9\]: wrote b'one' at 0x7f0000000000"
    ):
        process.expect()
