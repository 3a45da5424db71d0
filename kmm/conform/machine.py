"""The machine of a recorded case: a CPU with its registers set, and tables in RAM.

Used by `mmu` and `tlb`, by `shape` for its checks, and by `kmm mmu`.
"""

from __future__ import annotations

import re
from typing import Any

from ..hw.cpu import Cpu
from ..hw.memory import PhysAddr, PhysicalMemory, VirtAddr
from ..hw.modes import CpuId
from ..hw.paging import Access, GeneralProtection, Operation, PageFault, access
from ..sim.machine import run_alone
from .recorded import Case

# What the emulators were told to be.  (MAXPHYADDR is 40 in all recordings.)
CPUID = CpuId(maxphyaddr=40)
FRAMES = 1 << 28  # RAM up to MAXPHYADDR; only what is written costs anything

OPERATIONS = {"r": Operation.READ, "w": Operation.WRITE, "x": Operation.FETCH}

GP, PF = 13, 14  # vectors
REFUSED = {"vec": GP, "err": 0}  # what comes of an access or a register: #GP(0)

DIGITS = re.compile("(0x)?[0-9a-fA-F]+")


def hexadecimal(text: object) -> int:
    """A number of a case: hexadecimal text, or as it is.  Raises ValueError."""
    if isinstance(text, str) and DIGITS.fullmatch(text):
        return int(text, 16)
    if isinstance(text, int) and not isinstance(text, bool) and text >= 0:
        return text
    raise ValueError(f"{text!r} is not a number")


def ways(cpl: object, operation: str, ac: object) -> Access:
    """The access of a case: `r`, `w` or `x`, at CPL 0 or 3, EFLAGS.AC set or not."""
    return access(OPERATIONS[operation], user=cpl == 3, ac=bool(ac))


async def never(cpu: Cpu, address: VirtAddr, error_code: int, user: bool) -> None:
    raise AssertionError("a recorded access has no kernel to handle its fault")


class RecordedMachine:
    """RAM with a case's entries in it, and a CPU with its registers.

    Raises GeneralProtection if the CPU refuses those, and ValueError if they select
    another mode than the case says.
    """

    def __init__(self, case: Case, cpuid: CpuId = CPUID) -> None:
        self.entry_bytes = 4 if case["mode"] == "32" else 8
        self.memory = PhysicalMemory(FRAMES)
        self.before = {
            PhysAddr(hexadecimal(address)): hexadecimal(value)
            for address, value in case["mem"].items()
        }
        for address, value in self.before.items():
            self.memory.write_entry(address, value, self.entry_bytes)
        self.cpu = Cpu(0, self.memory, never, cpuid)
        registers = {name: case[name] for name in ("cr0", "cr3", "cr4", "efer")}
        run_alone(self.cpu.set_up(**registers))
        selected = self.cpu.paging.mode.name
        if selected != case["mode"]:
            raise ValueError(
                f"mode is {case['mode']!r}, but the registers select {selected}"
            )

    def reach(self, address: VirtAddr, how: Access) -> dict[str, Any]:
        """What comes of an access, as cases have it; a fault is not handled."""
        try:
            found = run_alone(self.cpu.reach(address, how))
        except PageFault as fault:
            return {"vec": PF, "err": fault.error_code, "cr2": fault.address}
        except GeneralProtection:
            return REFUSED
        return {"phys": found.physical(address)}

    def entry(self, address: PhysAddr) -> int:
        return self.memory.read_entry(address, self.entry_bytes)

    def changed(self) -> dict[PhysAddr, int]:
        """The entries of the case that are not as they were, with what they are."""
        now = {address: self.entry(address) for address in self.before}
        return {a: value for a, value in now.items() if value != self.before[a]}


def in_words(outcome: dict[str, Any]) -> str:
    """An outcome on one line."""
    if "phys" in outcome:
        return f"physical {outcome['phys']:#x}"
    if outcome["vec"] == PF:
        return f"#PF error {outcome['err']:#x}, CR2 {outcome['cr2']:#x}"
    if outcome["vec"] == GP:
        return f"#GP({outcome['err']:#x})" if outcome["err"] else "#GP(0)"
    return f"exception {outcome['vec']}"


def expected_outcome(expect: Case) -> dict[str, Any]:
    """What a case expects of one access, with its numbers made numbers."""
    if "phys" in expect:
        return {"phys": hexadecimal(expect["phys"])}
    vector = hexadecimal(expect["vec"])
    if vector == PF:
        error, cr2 = hexadecimal(expect["err"]), hexadecimal(expect["cr2"])
        return {"vec": PF, "err": error, "cr2": cr2}
    return {"vec": vector, "err": hexadecimal(expect.get("err", 0))}


def access_in_words(operation: str, address: int, cpl: int, ac: int) -> str:
    return f"{operation} at {address:#x}, CPL {cpl}, AC {ac}"


def registers(case: Case) -> str:
    """The registers of a case, on one line."""
    return (
        f"mode {case['mode']}, CR0 {case['cr0']:#x}, CR3 {case['cr3']:#x}, "
        f"CR4 {case['cr4']:#x}, EFER {case['efer']:#x}"
    )
