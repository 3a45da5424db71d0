"""A CPU: the registers that paging needs, and loads and stores through the MMU.

An access that faults calls the kernel's handler, as the IDT would have it, and is
tried again when the handler returns: the instruction is restarted.

Once a walk has succeeded, the access is made in the same step.  A CPU finishes the
instruction that it is in before it answers another CPU's request to flush, so nobody
who flushes can see a translation that was used later.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from .memory import PhysAddr, PhysicalMemory, VirtAddr
from .paging import Access, Control, PageFault, translate

PageFaultHandler = Callable[["Cpu", VirtAddr, int, bool], Awaitable[None]]


class Cpu:
    """One CPU.  `page_fault` is called with CR2, the error code, and CPL 3 or not."""

    def __init__(
        self, number: int, memory: PhysicalMemory, page_fault: PageFaultHandler
    ) -> None:
        self.number = number
        self.memory = memory
        self.page_fault = page_fault
        self.cr2 = VirtAddr(0)
        self.cr3 = PhysAddr(0)

    async def load(self, address: VirtAddr, size: int, *, user: bool) -> bytes:
        """Read `size` bytes, all in one page, at a linear address."""
        physical = await self._reach(address, Access.READ, user)
        return self.memory.read(physical, size)

    async def store(self, address: VirtAddr, data: bytes, *, user: bool) -> None:
        """Write `data`, all in one page, at a linear address."""
        physical = await self._reach(address, Access.WRITE, user)
        self.memory.write(physical, data)

    async def _reach(self, address: VirtAddr, access: Access, user: bool) -> PhysAddr:
        while True:
            try:
                control = Control(self.cr3, user)
                return await translate(self.memory, control, address, access)
            except PageFault as fault:
                self.cr2, error_code = fault.address, fault.error_code
            await self.page_fault(self, self.cr2, error_code, user)
