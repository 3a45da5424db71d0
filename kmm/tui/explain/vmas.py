"""VMAs and anon_vmas: flags and fields in words."""

from __future__ import annotations

from collections.abc import Iterator

from ...hw.memory import PAGE_SHIFT
from ...report.outcome import plural
from ..lines import Line
from ..pictures.seen import Seen, living
from .things import Thing

FLAGS = {
    "read": "the program may read here",
    "write": "the program may write here",
    "exec": "code may run here",
    "shared": "what is written is seen by all who map it",
    "growsdown": "a stack: a fault just below it makes it longer",
    "locked": "its pages stay in memory",
    "seq_read": "it is read from front to back",
    "rand_read": "it is read in no order",
    "dontcopy": "a child does not get it at fork",
    "noreserve": "no swap space is put by for it",
    "mergeable": "KSM may merge its pages with others that are alike",
}
FIELDS = {
    "vm_start": "the first address; written under mmap_sem, and read by reverse "
    "mapping without it",
    "vm_end": "the first address that is not in it; as vm_start",
    "vm_pgoff": "the index of the page at vm_start: a page's own index less this is "
    "its place in the VMA; as vm_start",
    "vm_flags": "what may be done here; written under mmap_sem",
    "vm_page_prot": "the bits of an entry that maps a page here",
    "anon_vma": "to which new pages of the VMA are tied; set under mmap_sem and "
    "page_table_lock",
    "external_refcount": "who needs the anon_vma to stay though it maps nothing: "
    "migrations, and items of KSM",
    "freed": "the model's own: whether it is back in its slab",
    "root": "whose lock is taken for this one",
    "count": "how many references keep the page from being freed; atomic",
    "mapcount": "how many page-table entries map the page; the kernel keeps one less",
    "mapping": "by what the page's mappings are found; written under PG_locked",
    "index": "the page's number in its mapping",
    "cpu_vm_mask": "a bit for each CPU whose TLB may know this address space: whom a "
    "flush must reach",
    "mm_count": "who need the structure of the address space",
    "mm_users": "the tasks that live in the address space",
    "free_area": "the lists of free blocks of a zone",
    "cpumask": "the CPUs that have not answered a call yet",
    "flush_cpumask": "the CPUs that have not answered a flush yet",
}


def field_lines(thing: Thing) -> Iterator[Line]:
    """The field that the last step had to do with."""
    name = thing.field or thing.name.rpartition(".")[2]
    if name in FIELDS:
        yield Line(f"{name}: {FIELDS[name]}.", look="loud", hang=2)


def vma_lines(seen: Seen, thing: Thing) -> Iterator[Line]:
    for mm in seen.state.mms if seen.state else ():
        for vma in mm.vmas:
            if vma.name != thing.name:
                continue
            size = plural((vma.end - vma.start) >> PAGE_SHIFT, "page")
            yield Line(f"A range of addresses of {living(mm)}.", hang=2)
            yield Line(f"vm_start {vma.start:#x}, vm_end {vma.end:#x}: {size}")
            yield Line(
                f"vm_pgoff {vma.pgoff:#x}: the page with this index is at vm_start, "
                f"the next one a page further on",
                hang=2,
            )
            for flag in vma.flags:
                yield Line(f"{flag}: {FLAGS[flag]}", hang=2)
            chain = ", ".join(vma.anon_vmas)
            told = f"{chain}, the newest first" if chain else "none: no page yet"
            yield Line(f"anon_vmas: {told}", hang=2)
            if not vma.listed:
                yield Line("Its process does not list it: reverse mapping alone does.")


def anon_vma_lines(seen: Seen, thing: Thing) -> Iterator[Line]:
    for anon_vma in seen.state.anon_vmas if seen.state else ():
        if anon_vma.name == thing.name:
            vmas = ", ".join(anon_vma.vmas) or "none"
            yield Line("What ties pages to the VMAs that may map them.", hang=2)
            yield Line(f"VMAs, in the order in which a walk comes by: {vmas}", hang=2)
            yield Line(f"lock: {anon_vma.lock}", hang=2)
            yield Line(
                f"external_refcount {anon_vma.refcount}: {FIELDS['external_refcount']}",
                hang=2,
            )
            pages = seen.state.pages if seen.state else ()
            mapped = [page for page in pages if page.mapping == anon_vma.name]
            shown = ", ".join(f"page {page.pfn:#x}" for page in mapped) or "none"
            yield Line(f"pages that it is the mapping of: {shown}", hang=2)
