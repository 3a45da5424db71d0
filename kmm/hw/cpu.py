"""A CPU: its control registers, its TLB, and loads and stores through the MMU.

Intel SDM volume 3A: "Control Registers", "Paging Modes and Control Bits",
"Interrupt 14 - Page-Fault Exception (#PF)".

A load or a store is one instruction: it finds a translation (in the TLB, or by a
walk), and then touches RAM.  If the access is refused, the kernel's handler is called,
as the IDT would have it, and the instruction begins again when the handler returns.

A CPU finishes the instruction that it is in before it answers an interrupt.  That is
`Cpu.interrupts`, a lock that whoever must not be split holds: an instruction, an
interrupt handler, code between CLI and STI.  It is what makes a TLB shootdown final:
whoever has the answer knows that no access on this CPU is still under way with a
translation from before.

Registers are set up as Linux has them on x86-64 (arch/x86/kernel/head_64.S).  A
program of the model calls `load`, `store` and `fetch`; so does the kernel where it
touches a program's memory.  The instructions for the TLB are called by `kmm.mm.tlb`.

Left out: segments, accesses that cross a page, the caching bits CR0.CD and CR0.NW,
and the order in which start-up code must set control bits ("Paging-Mode Enabling"):
here LME can change while paging is on, which a CPU refuses.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from .apic import InterruptFlag, LocalApic
from .memory import PAGE_MASK, PAGE_SHIFT, PhysAddr, PhysicalMemory, VirtAddr
from .modes import BITS_32, LONG, NO_PAGING, PAE, USUAL_CPU, CpuId, Mode, P, bits
from .paging import (
    Access,
    GeneralProtection,
    Operation,
    PageFault,
    Paging,
    PdpteRegister,
    Tables,
    Translation,
    access,
    paging,
    translate,
)
from .tlb import Tlb, TlbSize

# Control bits, by the manual's names.
CR0_PE = 1 << 0  # protection enable
CR0_WP = 1 << 16  # write protect
CR0_PG = 1 << 31  # paging
CR4_PSE = 1 << 4  # page size extensions
CR4_PAE = 1 << 5  # physical address extension
CR4_PGE = 1 << 7  # page-global enable
CR4_SMEP = 1 << 20
CR4_SMAP = 1 << 21
EFER_LME = 1 << 8  # long mode enable
EFER_LMA = 1 << 10  # long mode active: the CPU sets it; here nobody reads it
EFER_NXE = 1 << 11  # no-execute enable

# A change of one of these makes the CPU load the PDPTEs of PAE paging again ("PDPTE
# Registers", in editions that know SMEP), and here forget all that it remembers.  The
# manual asks that of PG, PAE and PGE, and of SMEP when it is set; a CPU may always
# forget more.
CR0_RELOADS = CR0_PG
CR4_RELOADS = CR4_PSE | CR4_PAE | CR4_PGE | CR4_SMEP

PageFaultHandler = Callable[["Cpu", VirtAddr, int, bool], Awaitable[None]]
Hook = Callable[["Cpu"], Awaitable[None]]


class Cpu:
    """One CPU.

    `page_fault` is called with the CPU, CR2, the error code, and whether the access
    was a program's (CPL 3).  Interrupts are on again by then.
    """

    def __init__(
        self,
        number: int,
        memory: PhysicalMemory,
        page_fault: PageFaultHandler,
        cpuid: CpuId = USUAL_CPU,
        tlb_size: TlbSize | None = None,
    ) -> None:
        self.number = number
        self.memory = memory
        self.page_fault = page_fault
        self.cpuid = cpuid
        self.tlb = Tlb(tlb_size)
        self.apic = LocalApic(number)
        self.interrupts = InterruptFlag(number)
        # Called with `interrupts` before each access to memory: where programs share a
        # CPU, the kernel sees to it here that the right one has it.
        self.before_instruction: Hook | None = None

        self.cr0 = CR0_PE | CR0_WP | CR0_PG
        self.cr2 = VirtAddr(0)
        self.cr3 = 0
        self.cr4 = CR4_PAE | CR4_PGE
        self.efer = EFER_LME | EFER_LMA | EFER_NXE
        self.ac = False  # EFLAGS.AC
        self.tables = Tables(memory, PhysAddr(0))
        self.paging: Paging
        self._settings_changed()

    # Memory.  Each is one instruction, which is begun again after a page fault.  Raises
    # GeneralProtection for an address that is not canonical, and whatever the handler
    # of page faults raises; with the first, interrupts stay off.

    async def load(self, address: VirtAddr, size: int, *, user: bool) -> bytes:
        """Read `size` bytes, all in one page, at a linear address."""
        how = access(Operation.READ, user=user, ac=self.ac)
        place = await self._begin(address, how)
        data = await self.memory.load(place, size)
        await self.interrupts.unlock()
        return data

    async def store(self, address: VirtAddr, data: bytes, *, user: bool) -> None:
        """Write `data`, all in one page, at a linear address."""
        how = access(Operation.WRITE, user=user, ac=self.ac)
        place = await self._begin(address, how)
        await self.memory.store(place, data)
        await self.interrupts.unlock()

    async def fetch(self, address: VirtAddr, size: int, *, user: bool) -> bytes:
        """Read `size` bytes of code, all in one page, at a linear address."""
        how = access(Operation.FETCH, user=user)
        place = await self._begin(address, how)
        data = await self.memory.load(place, size)
        await self.interrupts.unlock()
        return data

    async def _begin(self, address: VirtAddr, how: Access) -> PhysAddr:
        """Begin an instruction, again after each fault, until it may touch RAM.

        Returns with `interrupts` held; the caller ends the instruction.
        """
        while True:
            await self.interrupts.lock()
            if self.before_instruction is not None:
                await self.before_instruction(self)
            try:
                return (await self.reach(address, how)).physical(address)
            except PageFault as fault:
                self.cr2, error_code = fault.address, fault.error_code
            await self.interrupts.unlock()
            await self.page_fault(self, self.cr2, error_code, how.user)

    async def reach(self, address: VirtAddr, how: Access) -> Translation:
        """The translation for an access: remembered, or found by a walk.

        Needs `interrupts`.  Raises PageFault or GeneralProtection.
        """
        if self.paging.mode is NO_PAGING:
            return unchanged(address)
        known = self.known(address, how)
        if known is not None:
            return known
        try:
            found = await translate(self.tables, self.paging, address, how)
        except PageFault:
            # A page fault drops what was remembered of the address that faulted, so a
            # right that was granted in memory is denied once at most.  ("Operations
            # that Invalidate TLBs and Paging-Structure Caches")
            self.tlb.forget(address)
            raise
        self.tlb.remember(found)
        return found

    def known(self, address: VirtAddr, how: Access) -> Translation | None:
        """What the TLB has for an access; None if the tables must be walked.

        They must be if nothing is remembered, or if that would not allow the access,
        or if D is still to be set in memory.
        """
        known = self.tlb.find(address)
        if (
            known is not None
            and self.paging.allows(how, known.rights)
            and (known.dirty or not how.writes)
        ):
            self.tlb.counters.hits += 1
            return known
        self.tlb.counters.misses += 1
        return None

    # Instructions that say how memory is seen.  Each is the CPU's own business, so
    # that nobody else can get in between; the caller holds `interrupts` if an
    # interrupt must not either.

    async def set_up(self, *, cr0: int, cr3: int, cr4: int, efer: int) -> None:
        """Have all control registers so, and an empty TLB, as after start-up code.

        Raises GeneralProtection for what no order of instructions could reach.
        """
        self.cr0, self.cr4, self.efer = cr0, cr4, efer
        self._settings_changed()
        await self.mov_to_cr3(cr3)
        self.tlb.forget_all(keep_global=False)

    async def mov_to_cr3(self, value: int) -> None:
        """Another address space: forget every page that is not global.

        In PAE paging this loads the PDPTEs.  Raises GeneralProtection.
        """
        await self._load_tables(value)
        self.cr3 = value
        self.tlb.forget_all(keep_global=self.paging.pge)

    async def mov_to_cr0(self, value: int) -> None:
        """Set WP, or turn paging on or off.  Raises GeneralProtection."""
        reload = bool((self.cr0 ^ value) & CR0_RELOADS)
        await self._set(value, self.cr4, self.efer, reload)

    async def mov_to_cr4(self, value: int) -> None:
        """Set PSE, PAE, PGE, SMEP or SMAP.  Raises GeneralProtection."""
        reload = bool((self.cr4 ^ value) & CR4_RELOADS)
        await self._set(self.cr0, value, self.efer, reload)

    async def wrmsr_efer(self, value: int) -> None:
        """Set LME or NXE.  Raises GeneralProtection.  Nothing is forgotten."""
        await self._set(self.cr0, self.cr4, value, False)

    def invlpg(self, address: VirtAddr) -> None:
        """Forget the page that `address` is in, global or not."""
        self.tlb.forget(address)

    async def _set(self, cr0: int, cr4: int, efer: int, reload: bool) -> None:
        """Change control bits; if the CPU refuses, nothing has changed."""
        before = self.cr0, self.cr4, self.efer
        self.cr0, self.cr4, self.efer = cr0, cr4, efer
        try:
            self._settings_changed()
            if reload:
                await self._load_tables(self.cr3)
        except GeneralProtection:
            self.cr0, self.cr4, self.efer = before
            self._settings_changed()
            raise
        if reload:
            self.tlb.forget_all(keep_global=False)

    def _settings_changed(self) -> None:
        self.paging = paging(
            mode_of(self.cr0, self.cr4, self.efer),
            self.cpuid,
            wp=bool(self.cr0 & CR0_WP),
            nxe=bool(self.efer & EFER_NXE),
            smep=bool(self.cr4 & CR4_SMEP),
            smap=bool(self.cr4 & CR4_SMAP),
            pge=bool(self.cr4 & CR4_PGE),
            pse=bool(self.cr4 & CR4_PSE),
        )

    async def _load_tables(self, cr3: int) -> None:
        """Take CR3 as this mode has it.  (Tables "Use of CR3 with ... Paging")

        Raises GeneralProtection, and then the old tables stay.
        """
        mode = self.paging.mode
        if mode is PAE:
            root = PhysAddr(cr3 & bits(31, 5))
            self.tables = Tables(self.memory, root, await self._load_pdptes(root))
        elif mode is LONG:
            if cr3 & bits(63, self.cpuid.maxphyaddr):
                raise GeneralProtection(f"CR3 {cr3:#x} is beyond MAXPHYADDR")
            self.tables = Tables(self.memory, PhysAddr(cr3 & bits(51, 12)))
        else:
            self.tables = Tables(self.memory, PhysAddr(cr3 & bits(31, 12)))

    async def _load_pdptes(self, root: PhysAddr) -> list[PdpteRegister]:
        """Load and check the four registers of PAE paging.  ("PDPTE Registers")

        Raises GeneralProtection for one that is present and has a reserved bit set.
        """
        level = self.paging.levels[0]
        pdptes = []
        for number in range(level.entries):
            address = VirtAddr(number << level.shift)
            value = await level.slot(self.memory, root, address).read()
            if value & P and value & level.reserved:
                raise GeneralProtection(
                    f"PDPTE{number} {value:#x} has a reserved bit set"
                )
            pdptes.append(PdpteRegister(number, value))
        return pdptes


def unchanged(address: VirtAddr) -> Translation:
    """Without paging, a linear address is the physical one."""
    page = address & PAGE_MASK
    return Translation(
        VirtAddr(page), PAGE_SHIFT, PhysAddr(page), 0, dirty=True, is_global=False
    )


def mode_of(cr0: int, cr4: int, efer: int) -> Mode:
    """The paging mode that control bits select.  ("Three Paging Modes")

    Raises GeneralProtection for a combination that the CPU refuses.
    """
    if not cr0 & CR0_PG:
        return NO_PAGING
    if not cr0 & CR0_PE:
        raise GeneralProtection("CR0.PG without CR0.PE")
    if not cr4 & CR4_PAE:
        if efer & EFER_LME:
            raise GeneralProtection("EFER.LME and CR0.PG without CR4.PAE")
        return BITS_32
    return LONG if efer & EFER_LME else PAE
