"""Single-rule errors that could be made in kmm/hw: one change of text each.

A mutant is a name, a file of kmm/hw, the text to replace (found there exactly once)
and what stands there instead.
"""

from __future__ import annotations

from attrs import frozen


@frozen
class Mutant:
    name: str
    file: str
    old: str
    new: str


def paging(name: str, old: str, new: str) -> Mutant:
    return Mutant(name, "paging.py", old, new)


def modes(name: str, old: str, new: str) -> Mutant:
    return Mutant(name, "modes.py", old, new)


def tlb(name: str, old: str, new: str) -> Mutant:
    return Mutant(name, "tlb.py", old, new)


def cpu(name: str, old: str, new: str) -> Mutant:
    return Mutant(name, "cpu.py", old, new)


MUTANTS = (
    # Rights.
    paging("WP is not looked at", "(access.user or wp))", "access.user)"),
    paging("WP binds no user", "(access.user or wp))", "wp)"),
    paging("writes need no R/W", "may_touch and (writable or not", "may_touch or (not"),
    paging("users may touch anything", "may_touch = user_page", "may_touch = True"),
    paging("XD is not honoured", "executable or not fetches", "True"),
    paging("XD bars reads too", "(executable or not fetches)", "executable"),
    paging("XD is honoured without NXE", "not (nxe and rights &", "not (rights &"),
    paging("SMEP does nothing", "not (smep and user_page)", "True"),
    paging("SMEP bars all code", "not (smep and user_page)", "not smep"),
    paging("SMAP does nothing", "not (smap and user_page) or access.ac", "True"),
    paging(
        "SMAP asks no AC", "(smap and user_page) or access.ac", "(smap and user_page)"
    ),
    paging("SMAP bars own pages", "(smap and user_page) or", "smap or"),
    paging(
        "AC opens user pages to code",
        "(smep and user_page)",
        "(smep and user_page) or access.ac",
    ),
    paging(
        "one level may allow", "in_all &= entry | level.implied", "in_all |= entry & 6"
    ),
    paging("XD must be on all levels", "in_any |= entry", "in_any = entry"),
    # Order of the checks, error codes.
    paging("P is not looked at", "if not entry & P:", "if not entry:"),
    paging(
        "reserved bits are ignored",
        "if entry & (level.reserved_in_leaf",
        "if 0 & (level.reserved_in_leaf",
    ),
    paging(
        "leaves are checked as tables",
        "level.reserved_in_leaf if is_leaf",
        "level.reserved if is_leaf",
    ),
    paging("reserved faults lack P", "| PF_PROT | PF_RSVD", "| PF_RSVD"),
    paging("reserved faults lack RSVD", "| PF_PROT | PF_RSVD", "| PF_PROT"),
    paging(
        "denials lack P",
        "error_code(paging, access) | PF_PROT)",
        "error_code(paging, access))",
    ),
    paging("W/R is not reported", "code |= PF_WRITE", "code |= 0"),
    paging("U/S is not reported", "PF_USER if access.user else 0", "0"),
    paging("I/D needs SMEP", "(paging.nxe or paging.smep)", "paging.smep"),
    paging("I/D needs NXE", "(paging.nxe or paging.smep)", "paging.nxe"),
    paging("I/D is always reported", "(paging.nxe or paging.smep)", "True"),
    paging("NXE counts in 32-bit paging", "nxe = nxe and has_xd", "nxe = nxe"),
    # Addresses.
    paging(
        "48-bit addresses are canonical",
        "address >> 47 not in (0, 0x1FFFF)",
        "address >> 48 not in (0, 0xFFFF)",
    ),
    paging("no address is not canonical", "address >> 47 not in (0, 0x1FFFF)", "False"),
    paging("large pages lose their offset", "& ((1 << self.shift) - 1)", "& 0xFFF"),
    # Flags.
    paging(
        "A is not set",
        "if entry & flags != flags and",
        "if access.writes and entry & flags != flags and",
    ),
    paging(
        "reads make dirty", "if access.writes and slot is last:", "if slot is last:"
    ),
    paging("writes do not make dirty", "flags |= D\n", "flags |= 0\n"),
    paging(
        "upper entries get dirty",
        "if access.writes and slot is last:",
        "if access.writes:",
    ),
    paging(
        "a clean page counts as marked", "(last[1] & D or not access.writes)", "True"
    ),
    paging(
        "an upper A may be missing",
        "is_marked = in_all & A and",
        "is_marked = last[1] & A and",
    ),
    paging(
        "flags are set without a lock",
        "return False\n    return True",
        "continue\n    return True",
    ),
    paging(
        "flags are set before the check",
        "rights = rights_of(in_all, in_any)",
        "rights = rights_of(in_all, in_any); await set_flags(path, access)",
    ),
    paging("all pages are global", "paging.pge and entry & G != 0", "paging.pge"),
    paging("G needs no PGE", "paging.pge and entry & G != 0", "entry & G != 0"),
    paging("what was read counts as dirty", "access.writes or entry & D != 0", "True"),
    # Modes.
    modes(
        "MAXPHYADDR is not looked at",
        "62 if mode is PAE else 51, cpu.maxphyaddr",
        "62 if mode is PAE else 51, 52",
    ),
    modes(
        "62:52 are free in PAE paging", "bits(62 if mode is PAE else 51,", "bits(51,"
    ),
    modes(
        "62:52 are reserved in long mode", "bits(62 if mode is PAE else 51,", "bits(62,"
    ),
    modes("XD is free without NXE", "if not nxe:", "if False:"),
    modes("PS may be 1 in a PML4E", "reserved=reserved | PS)", "reserved=reserved)"),
    modes("PS may be 1 without 1-GByte pages", "not cpu.page1gb", "False"),
    modes(
        "low bits of large pages are free",
        "reserved | (below & ~PAT_LARGE)",
        "reserved",
    ),
    modes(
        "PAT of large pages is reserved",
        "reserved | (below & ~PAT_LARGE)",
        "reserved | below",
    ),
    modes("PS needs no PSE", "if not pse:", "if False:"),
    modes("PSE-36 is shifted by one", "<< (32 - 13)", "<< (31 - 13)"),
    modes(
        "PSE-36 takes bit 21",
        "used = bits(12 + high, 13)",
        "used = bits(12 + high, 13) | 1 << 21",
    ),
    modes("PSE-36 is there in any CPU", "- 32 if cpu.pse36 else 0", "- 32"),
    modes("a PDPTE has U/S and R/W", "implied=RW | US | A,", "implied=A,"),
    modes("a PDPTE has A", "accessed=0,", "accessed=A,"),
    modes("a PDPTE has no reserved bits", "| bits(8, 5) | bits(2, 1)", ""),
    modes("512 PDPTEs", '"pgd", 30, 2, in_register', '"pgd", 30, 9, in_register'),
    modes("512 entries in 32-bit tables", '"pte", 12, 10, 4)', '"pte", 12, 9, 4)'),
    # Control registers.
    cpu("flags of CR3 are address bits", "cr3 & bits(31, 5)", "cr3"),
    cpu(
        "CR3 may be anywhere", "if cr3 & bits(63, self.cpuid.maxphyaddr):", "if False:"
    ),
    cpu(
        "PDPTEs are not checked",
        "if value & P and value & level.reserved:",
        "if False:",
    ),
    cpu(
        "absent PDPTEs are checked",
        "if value & P and value & level.reserved:",
        "if value & level.reserved:",
    ),
    cpu(
        "a refused write leaves its mark",
        "self.cr0, self.cr4, self.efer = before\n",
        "pass\n",
    ),
    cpu(
        "PGE loads no PDPTEs",
        "CR4_PSE | CR4_PAE | CR4_PGE | CR4_SMEP",
        "CR4_PSE | CR4_PAE | CR4_SMEP",
    ),
    cpu(
        "LME needs no PAE",
        "if efer & EFER_LME:\n            raise",
        "if False:\n            raise",
    ),
    # The TLB.
    cpu(
        "remembered rights are not checked",
        "and self.paging.allows(how, known.rights)",
        "",
    ),
    cpu("a remembered page needs no D", "and (known.dirty or not how.writes)", ""),
    cpu("faults drop nothing", "self.tlb.forget(address)\n            raise", "raise"),
    cpu(
        "MOV CR3 drops nothing",
        "self.tlb.forget_all(keep_global=self.paging.pge)",
        "pass",
    ),
    cpu(
        "MOV CR3 drops global pages", "keep_global=self.paging.pge", "keep_global=False"
    ),
    cpu(
        "a toggle of PGE keeps global pages",
        "if reload:\n            self.tlb.forget_all(keep_global=False)",
        "if reload:\n            self.tlb.forget_all(keep_global=True)",
    ),
    cpu("INVLPG does nothing", "self.tlb.forget(address)\n\n", "pass\n\n"),
    cpu(
        "instructions can be interrupted",
        "return (await self.reach(address, how)).physical(address)",
        "place = (await self.reach(address, how)).physical(address)\n"
        "                await self.interrupts.unlock()\n"
        "                await self.interrupts.lock()\n"
        "                return place",
    ),
    tlb(
        "small pages only are dropped",
        "for shift, array in self.arrays.items():\n            if array.pop",
        "for shift, array in list(self.arrays.items())[:1]:\n            if array.pop",
    ),
    tlb(
        "global pages are not dropped",
        "if array.pop(address >> shift, None) is not None:",
        "if any(t.is_global for t in array.values()):\n"
        "                continue\n"
        "            if array.pop(address >> shift, None) is not None:",
    ),
    tlb(
        "all is kept if anything is", "if keep_global and t.is_global", "if keep_global"
    ),
    tlb("sets are not told apart", "n % sets == number % sets", "True"),
    tlb(
        "the last in is the first out",
        "del array[same_set[0]]",
        "del array[same_set[-1]]",
    ),
    tlb(
        "a set has one way more",
        "if len(same_set) >= geometry.ways:",
        "if len(same_set) > geometry.ways:",
    ),
    # Interrupts.
    Mutant(
        "the lowest vector goes first",
        "apic.py",
        "max(self.pending)",
        "min(self.pending)",
    ),
    Mutant(
        "handlers can be interrupted",
        "apic.py",
        "async with cpu.interrupts:\n            await handler(cpu, vector)",
        "await handler(cpu, vector)",
    ),
)
