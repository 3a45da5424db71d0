"""Translations a second: from a warm TLB, and by a walk of the tables.

    python tests/benchmarks/paging.py [--unicorn]

Each figure is the best of several rounds.  With --unicorn (the PyPI package `unicorn`,
an emulator in C), the same accesses are made there as well, one emulated load each, and
the ratio is printed; quote that, since machines differ.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from importlib import import_module
from typing import Any

from kmm.conform.examples import EXAMPLES
from kmm.conform.machine import RecordedMachine, hexadecimal, ways
from kmm.hw.cpu import Cpu
from kmm.hw.memory import VirtAddr
from kmm.hw.paging import translate
from kmm.hw.watch import watch
from kmm.sim.machine import run_alone
from kmm.sim.thread import KThread

ROUNDS = 7
# Accesses that succeed, in each of the modes.
NAMES = ("user-page", "large", "pae", "two-level", "pse36")


def best(work: Callable[[int], object], number: int) -> float:
    """Calls a second, in the best of some rounds."""
    fastest = 0.0
    for _ in range(ROUNDS):
        started = time.perf_counter()
        work(number)
        fastest = max(fastest, number / (time.perf_counter() - started))
    return fastest


def prepared(name: str) -> tuple[RecordedMachine, VirtAddr, Any]:
    case = EXAMPLES[name].case
    how = ways(case["cpl"], case["access"], case.get("ac", 0))
    return RecordedMachine(case), VirtAddr(hexadecimal(case["vaddr"])), how


def in_order(made: tuple[RecordedMachine, VirtAddr, Any]) -> tuple[Cpu, VirtAddr, Any]:
    machine, address, how = made
    return machine.cpu, address, how


def warm(name: str) -> Callable[[int], None]:
    machine, address, how = prepared(name)
    cpu = machine.cpu
    run_alone(cpu.reach(address, how))

    def work(number: int) -> None:
        for _ in range(number):
            found = cpu.known(address, how)
            assert found
            found.physical(address)

    return work


def cold(name: str) -> Callable[[int], None]:
    machine, address, how = prepared(name)
    tables, paging = machine.cpu.tables, machine.cpu.paging
    current = KThread("walker", 1, 0, translate(tables, paging, address, how))
    current.body.close()

    def work(number: int) -> None:
        for _ in range(number):
            run_alone(translate(tables, paging, address, how), current)

    return work


def emulated(name: str, *, flush: bool) -> Callable[[int], None]:
    """The same load in Unicorn, in a loop of emulated code; `flush` before each."""
    unicorn: Any = import_module("unicorn")
    x86: Any = import_module("unicorn.x86_const")

    case = EXAMPLES[name].case
    uc = unicorn.Uc(unicorn.UC_ARCH_X86, unicorn.UC_MODE_64)
    uc.mem_map(0, 1 << 24)
    for address, value in case["mem"].items():
        data = hexadecimal(value).to_bytes(8, "little")
        uc.mem_write(hexadecimal(address), data)
    # The code is reached without paging through an identity page of its own.
    uc.mem_write(0x1000, (0x20_0000 | 0x7).to_bytes(8, "little"))
    uc.mem_write(0x20_0000, (0x20_1000 | 0x7).to_bytes(8, "little"))
    uc.mem_write(0x20_1000, (0x83).to_bytes(8, "little"))
    body = bytes.fromhex("0f22d8" if flush else "") + bytes.fromhex("488b13")
    code = body + bytes.fromhex("48ffc9") + bytes([0x75, 256 - len(body) - 5])
    uc.mem_write(0x10_0000, code)

    def work(number: int) -> None:
        uc.msr_write(0xC000_0080, case["efer"])
        for register, value in (
            (x86.UC_X86_REG_CR3, case["cr3"]),
            (x86.UC_X86_REG_CR4, case["cr4"] & ~(1 << 7)),
            (x86.UC_X86_REG_CR0, case["cr0"]),
            (x86.UC_X86_REG_RAX, case["cr3"]),
            (x86.UC_X86_REG_RBX, hexadecimal(case["vaddr"]) & ~7),
            (x86.UC_X86_REG_RCX, number),
        ):
            uc.reg_write(register, value)
        uc.emu_start(0x10_0000, 0x10_0000 + len(code))

    return work


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--unicorn", action="store_true", help="compare with Unicorn")
    options = parser.parse_args()
    for name in NAMES:
        entries = len(watch(*in_order(prepared(name))).seen)
        hits, walks = best(warm(name), 100_000), best(cold(name), 20_000)
        print(
            f"{name:10} {hits:12,.0f} warm translations/s "
            f"{walks:10,.0f} cold walks/s ({entries} entries)"
        )
        if options.unicorn and name == "user-page":
            loads = best(emulated(name, flush=False), 1_000_000)
            flushed = best(emulated(name, flush=True), 200_000)
            print(
                f"  unicorn  {loads:12,.0f} loads/s: kmm has {hits / loads:.4f} of it; "
                f"{flushed:,.0f}/s after a flush: kmm has {walks / flushed:.3f} of it"
            )


if __name__ == "__main__":
    main()
