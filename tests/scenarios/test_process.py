"""A program's memory, and what it expects of it."""

from __future__ import annotations

import pytest
from building import boot

from kmm.mm.boot import run_on
from kmm.scenarios.process import start_process
from kmm.sim.failure import Corruption


def test_memory_must_hold_what_the_program_wrote() -> None:
    k = boot()
    process = start_process(k, "writer", 9, cpu=1)
    with pytest.raises(Corruption, match="memory holds b''"):
        process.expect(0, b"one")
    run_on(k, process.write(0, b"one"), cpu=1)
    process.expect(0, b"one")
    assert run_on(k, process.read(0, 3), cpu=1) == b"one"
    page = process.page(0)
    assert page is not None
    process.k.memory.frame(page.pfn)[0] = ord("0")
    with pytest.raises(
        Corruption, match=r"writer\[9\]: wrote b'one' at 0x7f0000000000"
    ):
        process.expect(0, b"one")
