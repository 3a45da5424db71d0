"""The files of /proc and /sys: their form, byte for byte, with values worked out by
hand.
"""

from __future__ import annotations

import pytest
from building import boot

from kmm.fs.proc import NoSuchFile, contents, paths, read, tasks_of
from kmm.fs.proc.vmstat import EVENTS, ZONE_ITEMS, thousandths
from kmm.hw.memory import PAGE_SIZE, EntryPointer, VirtAddr
from kmm.kernel.exit import do_wait
from kmm.kernel.process import Process, start_process
from kmm.kernel.syscalls import sys_brk, sys_madvise, sys_mlock, sys_mmap
from kmm.mm.boot import run_on
from kmm.mm.gfp import GFP_KERNEL
from kmm.mm.kernel import Kernel
from kmm.mm.ksm import ksm_do_scan
from kmm.mm.mm_types import PG_referenced
from kmm.mm.mmap import (
    MAP_ANONYMOUS,
    MAP_FIXED,
    MAP_GROWSDOWN,
    MAP_PRIVATE,
    MAP_SHARED,
    PROT_READ,
    PROT_WRITE,
)
from kmm.mm.pgtable import find_pte, pte_pfn
from kmm.mm.swap import lru_add_drain_all
from kmm.mm.swapops import migration_entry
from kmm.mm.vmscan import try_to_free_pages
from kmm.sim.machine import run_alone

BASE = 0x7F00_0000_0000
MADV_MERGEABLE = 12


def program(k: Kernel, pages: int = 4, flags: int = MAP_PRIVATE) -> Process:
    """A process with some memory at BASE, none of it touched."""
    process = start_process(k, "test", cpu=1)
    add_memory(process, BASE, pages, flags)
    return process


def add_memory(process: Process, where: int, pages: int, flags: int) -> None:
    flags |= MAP_ANONYMOUS | MAP_FIXED
    size, rights = pages * PAGE_SIZE, PROT_READ | PROT_WRITE
    mapped = process.run(sys_mmap(process.k, process.task, where, size, rights, flags))
    assert mapped == where


def address(page: int) -> VirtAddr:
    return VirtAddr(BASE + page * PAGE_SIZE)


def touch(process: Process, page: int, data: bytes = b"x") -> None:
    process.store(address(page), data)


def pfn_of(process: Process, page: int) -> int:
    return pte_pfn(entry_of(process, page).value)


def entry_of(process: Process, page: int) -> EntryPointer:
    found = run_alone(find_pte(process.k, process.mm, address(page)))
    assert found is not None
    return found


def of(process: Process, name: str) -> str:
    return read(process.k, f"/proc/{process.task.pid}/{name}")


def fields(text: str) -> dict[str, int]:
    """The lines `Name:  number kB` of a file."""
    lines = (line.split() for line in text.splitlines())
    return {
        words[0].rstrip(":"): int(words[1])
        for words in lines
        if words[0].endswith(":") and words[1].isdecimal()
    }


def counters(k: Kernel) -> dict[str, int]:
    lines = (line.split(" ") for line in read(k, "/proc/vmstat").splitlines())
    return {name: int(value) for name, value in lines}


def reclaim(k: Kernel) -> None:
    """Swap out whatever is not in use."""

    async def shrink() -> None:
        await lru_add_drain_all(k)
        await try_to_free_pages(k, k.zones, 0, GFP_KERNEL)

    run_on(k, shrink())


# Finding a file.


def test_every_path_can_be_read_and_every_file_ends_with_a_line() -> None:
    k = program(boot(swap_slots=8)).k
    for path in paths(k):
        text = read(k, path)
        assert text.endswith("\n") or text == "", path


def test_every_file_has_a_title_that_fits_its_line_in_a_listing() -> None:
    found = contents(program(boot()).k)
    width = max(len(path) for path in found)
    assert all(0 < len(entry.title) <= 78 - width for entry in found.values())


@pytest.mark.parametrize(
    ("path", "near"),
    [
        ("/proc/vmstats", "did you mean /proc/vmstat"),
        ("vmstat", "did you mean /proc/vmstat"),
        ("/proc/9/smaps", "did you mean /proc/1/smaps"),
        ("/sys/kernel/mm/ksm/page_shared", "did you mean /sys/kernel/mm/ksm/pages_sh"),
        ("", "no file is called ''"),
    ],
)
def test_an_unknown_path_is_answered_with_those_that_come_near(
    path: str, near: str
) -> None:
    k = program(boot()).k
    with pytest.raises(NoSuchFile, match=near):
        read(k, path)


def test_tasks_are_found_by_pid_and_idle_ones_are_none() -> None:
    k = boot()
    assert tasks_of(k) == {}
    process = program(k)
    child = process.fork()
    assert list(tasks_of(k)) == [1, 2]
    assert tasks_of(k)[2] is child.task


def test_the_files_of_a_process_that_was_waited_for_are_gone() -> None:
    process = program(boot())
    child = process.fork()
    child.exit()
    assert of(child, "maps") == ""
    process.run(do_wait(process.k, process.task))
    assert "/proc/2/maps" not in paths(process.k)
    assert "/proc/1/maps" in paths(process.k)


# Free memory.  Of 32 frames the kernel keeps two: blocks at 2, 4, 8 and 16 are free.


def test_buddyinfo_has_a_column_for_each_order() -> None:
    assert read(boot(), "/proc/buddyinfo") == (
        "Node 0, zone      DMA      0      1      1      1      1      0      0"
        "      0      0      0      0 \n"
    )


def test_buddyinfo_has_a_line_for_each_zone() -> None:
    lines = read(boot(frames=8192, nodes=2), "/proc/buddyinfo").splitlines()
    assert [line[:24] for line in lines] == [
        "Node 0, zone      DMA   ",
        "Node 1, zone    DMA32   ",
    ]


def test_pagetypeinfo_has_free_blocks_by_type_and_the_types_of_pageblocks() -> None:
    nothing = "      0" * 11
    assert read(boot(), "/proc/pagetypeinfo").splitlines() == [
        "Page block order: 9",
        "Pages per block:  512",
        "",
        "Free pages count per migrate type at order       0      1      2      3"
        "      4      5      6      7      8      9     10 ",
        f"Node    0, zone      DMA, type    Unmovable{nothing} ",
        f"Node    0, zone      DMA, type  Reclaimable{nothing} ",
        "Node    0, zone      DMA, type      Movable      0      1      1      1"
        "      1      0      0      0      0      0      0 ",
        f"Node    0, zone      DMA, type      Reserve{nothing} ",
        f"Node    0, zone      DMA, type      Isolate{nothing} ",
        "",
        "Number of blocks type     Unmovable  Reclaimable      Movable      Reserve"
        "      Isolate ",
        "Node 0, zone      DMA            0            0            1            0"
        "            0 ",
    ]


def test_pagetypeinfo_begins_anew_with_each_node() -> None:
    text = read(boot(frames=8192, nodes=2), "/proc/pagetypeinfo")
    assert text.count("Page block order: 9\n") == 2
    assert text.count("\nNode 1, zone    DMA32            0") == 1


def test_the_fragmentation_index_says_why_a_block_cannot_be_had() -> None:
    # 30 pages in 4 blocks; order 5: 1000 - (1000 + 30 * 1000 / 32) / 4 = 516.
    assert read(boot(), "/sys/kernel/debug/extfrag/extfrag_index") == (
        "Node 0, zone      DMA -1.000 -1.000 -1.000 -1.000 -1.000"
        " 0.516 0.633 0.692 0.721 0.736 0.743 \n"
    )


def test_the_unusable_index_is_the_share_of_blocks_that_are_too_small() -> None:
    # Of 30 pages, 2 are in blocks smaller than 4, 6 in ones smaller than 8, and so on.
    assert read(boot(), "/sys/kernel/debug/extfrag/unusable_index") == (
        "Node 0, zone      DMA 0.000 0.000 0.066 0.200 0.466"
        " 1.000 1.000 1.000 1.000 1.000 1.000 \n"
    )


@pytest.mark.parametrize(
    ("index", "text"),
    [(-1000, "-1.000"), (-1, "0.-01"), (-500, "0.-500"), (7, "0.007"), (1000, "1.000")],
)
def test_thousandths_have_the_signs_that_c_gives_them(index: int, text: str) -> None:
    assert thousandths(index) == text


def test_zoneinfo_says_what_a_zone_is_and_what_its_cpus_keep() -> None:
    lines = read(boot(), "/proc/zoneinfo").splitlines()
    assert lines[:9] == [
        "Node 0, zone      DMA",
        "  pages free     30",
        "        min      0",
        "        low      0",
        "        high     0",
        "        scanned  0",
        "        spanned  32",
        "        present  32",
        "    nr_free_pages 30",
    ]
    assert "    nr_mlock     0" in lines
    assert lines[lines.index("        protection: (0, 0, 0, 0)") :] == [
        "        protection: (0, 0, 0, 0)",
        "  pagesets",
        "    cpu: 0",
        "              count: 0",
        "              high:  0",
        "              batch: 1",
        "  vm stats threshold: 0",
        "    cpu: 1",
        "              count: 0",
        "              high:  0",
        "              batch: 1",
        "  vm stats threshold: 0",
        "  all_unreclaimable: 0",
        "  prev_priority:     12",
        "  start_pfn:         0",
        "  inactive_ratio:    1",
    ]


def test_zoneinfo_has_what_each_zone_keeps_back() -> None:
    # 32 MiB: isqrt(16 * 32768) = 724 kB are kept back, 181 pages, half in each zone;
    # and of DMA, a page for each 256 of DMA32.
    text = read(boot(frames=8192, min_free_kbytes=None), "/proc/zoneinfo")
    for line in (
        "        min      90",
        "        low      112",
        "        high     135",
    ):
        assert text.splitlines().count(line) == 2
    assert "        protection: (0, 16, 16, 16)\n" in text
    assert "        protection: (0, 0, 0, 0)\n" in text
    assert "  start_pfn:         4096\n" in text


# Counters.


def test_vmstat_has_the_counters_of_2_6_35_in_their_order() -> None:
    names = list(counters(boot()))
    assert names == [*ZONE_ITEMS, *EVENTS]
    assert len(set(names)) == len(names)
    for earlier, later in (
        ("nr_free_pages", "nr_inactive_anon"),
        ("nr_shmem", "numa_hit"),
        ("numa_other", "pgpgin"),
        ("pswpout", "pgalloc_dma"),
        ("pgalloc_movable", "pgfree"),
        ("pgmajfault", "pgrefill_dma"),
        ("pgscan_direct_movable", "zone_reclaim_failed"),
        ("pgrotated", "compact_blocks_moved"),
        ("compact_success", "htlb_buddy_alloc_success"),
    ):
        assert names.index(later) == names.index(earlier) + 1
    assert names[-1] == "unevictable_pgs_mlockfreed"


def test_vmstat_counts_what_a_process_does() -> None:
    process = program(boot())
    before = counters(process.k)
    touch(process, 0)
    touch(process, 1)
    after = counters(process.k)
    grown = {name: after[name] - before[name] for name in after}
    assert grown["pgfault"] == 2
    assert grown["nr_anon_pages"] == 2
    assert grown["nr_page_table_pages"] == 1
    # Two pages, and the three tables on the way to them.
    assert grown["nr_free_pages"] == -5
    assert grown["pgalloc_dma"] == 5


def test_no_counter_is_kept_that_vmstat_does_not_show() -> None:
    process = program(boot(swap_slots=8))
    touch(process, 0)
    process.fork().exit()
    reclaim(process.k)
    touch(process, 0)
    assert set(process.k.vm_events) <= set(EVENTS)
    assert all(set(zone.vm_stat) <= set(ZONE_ITEMS) for zone in process.k.zones)


# Sizes.


def test_meminfo_has_the_lines_of_2_6_34() -> None:
    lines = read(boot(), "/proc/meminfo").splitlines()
    assert [line.partition(":")[0] for line in lines] == [
        *("MemTotal", "MemFree", "Buffers", "Cached", "SwapCached"),
        *("Active", "Inactive", "Active(anon)", "Inactive(anon)"),
        *("Active(file)", "Inactive(file)", "Unevictable", "Mlocked"),
        *("SwapTotal", "SwapFree", "Dirty", "Writeback", "AnonPages", "Mapped"),
        *("Shmem", "Slab", "SReclaimable", "SUnreclaim", "KernelStack"),
        *("PageTables", "NFS_Unstable", "Bounce", "WritebackTmp", "CommitLimit"),
        *("Committed_AS", "VmallocTotal", "VmallocUsed", "VmallocChunk"),
        *("HugePages_Total", "HugePages_Free", "HugePages_Rsvd", "HugePages_Surp"),
        *("Hugepagesize", "DirectMap4k", "DirectMap2M"),
    ]
    assert lines[0] == "MemTotal:            120 kB"
    assert lines[1] == "MemFree:             120 kB"
    assert "HugePages_Total:       0" in lines
    assert "Hugepagesize:       2048 kB" in lines


def test_meminfo_says_what_memory_is_used_for() -> None:
    process = program(boot(swap_slots=8))
    before = fields(read(process.k, "/proc/meminfo"))
    touch(process, 0)
    add_memory(process, BASE + 16 * PAGE_SIZE, 2, MAP_SHARED)
    process.store(VirtAddr(BASE + 16 * PAGE_SIZE), b"x")
    run_on(process.k, lru_add_drain_all(process.k))
    after = fields(read(process.k, "/proc/meminfo"))
    assert before["SwapTotal"] == before["SwapFree"] == 7 * 4
    assert after["MemTotal"] == 120
    # Two pages and three tables.
    assert before["MemFree"] - after["MemFree"] == 5 * 4
    assert after["AnonPages"] == after["Active(anon)"] == after["Active"] == 4
    assert after["Cached"] == after["Mapped"] == 4
    assert after["PageTables"] == 4


def test_swaps_has_a_line_for_the_device_if_there_is_one() -> None:
    header = "Filename\t\t\t\tType\t\tSize\tUsed\tPriority\n"
    assert read(boot(), "/proc/swaps") == header
    process = program(boot(swap_slots=8))
    touch(process, 0)
    reclaim(process.k)
    assert read(process.k, "/proc/swaps") == (
        f"{header}/dev/swap                               partition\t28\t4\t-1\n"
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("extfrag_threshold", 500),
        ("max_map_count", 65530),
        ("min_free_kbytes", 724),
        ("page-cluster", 3),
        ("swappiness", 60),
    ],
)
def test_settings_are_a_number(name: str, value: int) -> None:
    k = boot(frames=8192, min_free_kbytes=None)
    assert read(k, f"/proc/sys/vm/{name}") == f"{value}\n"


def test_a_small_machine_has_a_smaller_page_cluster_and_keeps_what_it_is_told() -> None:
    assert read(boot(), "/proc/sys/vm/page-cluster") == "2\n"
    assert read(boot(), "/proc/sys/vm/min_free_kbytes") == "0\n"


def test_ksm_counts_the_pages_that_it_has_merged() -> None:
    process = program(boot(), pages=3)
    k = process.k
    for page, data in enumerate((b"same", b"same", b"other")):
        touch(process, page, data)
    process.run(sys_madvise(k, process.task, BASE, 3 * PAGE_SIZE, MADV_MERGEABLE))
    process.run(lru_add_drain_all(k))
    for _ in range(3):
        process.run(ksm_do_scan(k, 4))
    values = {
        path.rpartition("/")[2]: read(k, path)
        for path in paths(k)
        if path.startswith("/sys/kernel/mm/ksm/")
    }
    assert values == {
        "full_scans": "3\n",
        "pages_shared": "1\n",
        "pages_sharing": "1\n",
        "pages_to_scan": "100\n",
        "pages_unshared": "1\n",
        "pages_volatile": "0\n",
        "run": "0\n",
        "sleep_millisecs": "20\n",
    }


# Processes.


def test_maps_has_a_line_for_each_vma() -> None:
    process = program(boot())
    add_memory(process, BASE + 16 * PAGE_SIZE, 2, MAP_SHARED)
    assert of(process, "maps") == (
        "7f0000000000-7f0000004000 rw-p 00000000 00:00 0 \n"
        "7f0000010000-7f0000012000 rw-s 00000000 00:04 1                          "
        "/dev/zero (deleted)\n"
    )


def test_maps_names_the_heap_and_the_stack() -> None:
    process = program(boot())
    process.mm.start_brk = process.mm.brk = VirtAddr(0x60_0000)
    process.run(sys_brk(process.k, process.task, 0x60_1800))
    add_memory(process, 0x7FFF_0000_0000, 2, MAP_PRIVATE | MAP_GROWSDOWN)
    process.mm.start_stack = VirtAddr(0x7FFF_0000_1F00)
    heap, _, stack = of(process, "maps").splitlines()
    gap = " " * 25
    assert heap == f"00600000-00602000 rw-p 00000000 00:00 0 {gap}        [heap]"
    assert stack == f"7fff00000000-7fff00002000 rw-p 00000000 00:00 0 {gap}[stack]"


def test_a_kernel_thread_has_no_memory_to_show() -> None:
    process = program(boot())
    process.exit()
    assert [of(process, name) for name in ("maps", "smaps", "pagemap")] == [""] * 3
    assert "Vm" not in of(process, "status")


def test_smaps_has_the_fields_of_2_6_34_below_each_line_of_maps() -> None:
    process = program(boot())
    touch(process, 0)
    process.load(address(1), 1)  # the zero page, which counts nowhere
    assert of(process, "smaps") == (
        "7f0000000000-7f0000004000 rw-p 00000000 00:00 0 \n"
        "Size:                 16 kB\n"
        "Rss:                   4 kB\n"
        "Pss:                   4 kB\n"
        "Shared_Clean:          0 kB\n"
        "Shared_Dirty:          0 kB\n"
        "Private_Clean:         0 kB\n"
        "Private_Dirty:         4 kB\n"
        "Referenced:            4 kB\n"
        "Swap:                  0 kB\n"
        "KernelPageSize:        4 kB\n"
        "MMUPageSize:           4 kB\n"
    )


def test_smaps_shares_a_page_out_among_those_who_have_it() -> None:
    process = program(boot(frames=64))
    for page in range(3):
        touch(process, page)
    child = process.fork()
    assert fields(of(process, "smaps"))["Shared_Dirty"] == 12
    assert fields(of(process, "smaps"))["Pss"] == 6
    process.fork()
    found = fields(of(child, "smaps"))
    # Three pages, a third of each, rounded down each time.
    assert (found["Rss"], found["Pss"], found["Shared_Dirty"]) == (12, 3, 12)
    assert found["Referenced"] == 0  # a child's entries are old
    touch(child, 0)
    found = fields(of(child, "smaps"))
    assert (found["Private_Dirty"], found["Shared_Dirty"]) == (4, 8)
    assert found["Referenced"] == 4


def test_a_page_that_was_referenced_counts_though_its_entry_is_old() -> None:
    process = program(boot())
    touch(process, 0)
    child = process.fork()
    process.k.mem_map[pfn_of(child, 0)].flags |= PG_referenced
    assert fields(of(child, "smaps"))["Referenced"] == 4


def test_smaps_counts_swapped_pages_and_migration_entries_alike() -> None:
    process = program(boot(swap_slots=8))
    touch(process, 0)
    reclaim(process.k)
    assert fields(of(process, "smaps"))["Swap"] == 4
    assert fields(of(process, "smaps"))["Rss"] == 0
    touch(process, 1)
    entry_of(process, 1).value = migration_entry(pfn_of(process, 1), write=True)
    assert fields(of(process, "smaps"))["Swap"] == 8


def test_pagemap_says_where_each_page_is() -> None:
    process = program(boot(swap_slots=8), pages=8)
    touch(process, 1)
    reclaim(process.k)
    touch(process, 0)
    process.load(address(2), 1)
    touch(process, 4)
    moving = pfn_of(process, 4)
    entry_of(process, 4).value = migration_entry(moving, write=True)
    pfn = pfn_of(process, 0)
    assert of(process, "pagemap").splitlines() == [
        "page          8 bytes           what they say",
        f"7f0000000000  {0x86 << 56 | pfn:016x}  present, pfn {pfn:#x} "
        f"(rw, young, dirty)",
        "7f0000001000  4600000000000020  swap, type 0, offset 0x1",
        "7f0000002000  8600000000000001  present, pfn 0x1 (ro, young, zero page)",
        "7f0000003000  0600000000000000  not present",
        f"7f0000004000  {0x46 << 56 | moving << 5 | 31:016x}  swap, type 31, "
        f"offset {moving:#x} (migration entry of pfn {moving:#x}, rw)",
        "7f0000005000  0600000000000000  not present (3 pages)",
    ]


def test_status_has_the_sizes_of_an_address_space() -> None:
    process = program(boot(swap_slots=8))
    touch(process, 1)
    reclaim(process.k)
    touch(process, 0)
    process.run(sys_mlock(process.k, process.task, BASE, PAGE_SIZE))
    add_memory(process, BASE + 16 * PAGE_SIZE, 2, MAP_SHARED)
    add_memory(process, 0x7FFF_0000_0000, 3, MAP_PRIVATE | MAP_GROWSDOWN)
    child = process.fork()
    assert of(process, "status") == (
        "Name:\ttest\n"
        "Tgid:\t1\n"
        "Pid:\t1\n"
        "PPid:\t0\n"
        "VmSize:\t      36 kB\n"
        "VmLck:\t       4 kB\n"
        "VmRSS:\t       4 kB\n"
        "VmData:\t      16 kB\n"
        "VmStk:\t      12 kB\n"
        "VmExe:\t       0 kB\n"
        "VmLib:\t       0 kB\n"
        "VmPTE:\t       4 kB\n"
        "VmSwap:\t       4 kB\n"
        "Threads:\t1\n"
    )
    assert "PPid:\t1\n" in of(child, "status")
