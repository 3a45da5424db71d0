"""A marked access or a lock that is left out does not go unnoticed: a few of them.

All of them: `python tests/tools/mutate_marks.py`.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from inspect import iscoroutinefunction
from pathlib import Path

import pytest
from tools.battery import battery
from tools.locksets import Locksets, Use
from tools.marks import ACCESSES, Site, mutated, sites_of
from tools.mutate_marks import REASONS, ROOT, Verdict, judge_all, matches
from tools.noticing import Judge
from tools.small_scenes import SCENES
from tools.without import nothing, pause

from kmm.sim import access
from kmm.sim.locks import SpinLock
from kmm.sim.machine import Machine
from kmm.sim.scene import Scene
from kmm.sim.search import search
from kmm.sim.strategies import SourceDpor
from kmm.sim.thread import KThread

SITES = sites_of(ROOT, ("mm", "kernel", "fs", "designs"))
UNMARKED = "mm/rmap.py:vma_address:read_plain(vma.vm_start)"


def site(name: str) -> Site:
    return next(site for site in SITES if site.name == name)


def verdict(name: str, items: str, *more: str) -> Verdict:
    found: Sequence[Verdict] = list(
        judge_all([site(name)], ["--items", items, "--also", *more])
    )
    return found[0]


# The sites.


def test_no_two_sites_have_one_name() -> None:
    assert len({site.name for site in SITES}) == len(SITES) > 250


def test_there_is_a_mutant_for_each_way_to_announce_an_access() -> None:
    announcing = {
        name
        for name, what in vars(access).items()
        if iscoroutinefunction(what) and what.__module__ == access.__name__
    }
    assert announcing <= set(ACCESSES)


@pytest.mark.parametrize("file", sorted({site.file for site in SITES}))
def test_every_mutant_is_python_and_another_module(file: str) -> None:
    source = (ROOT / file).read_text(encoding="utf-8")
    texts = {ast.unparse(ast.parse(source))}
    sites = [site for site in SITES if site.file == file]
    for one in sites:
        tree = mutated(source, file, one.position)
        compile(tree, file, "exec", dont_inherit=True)
        texts.add(ast.unparse(tree))
    assert len(texts) == 1 + len(sites)


@pytest.mark.parametrize("like", REASONS)
def test_a_reason_is_of_a_site_that_is_there(like: str) -> None:
    assert any(matches(site.name, like) for site in SITES)


def test_a_site_in_a_comprehension_is_all_of_it() -> None:
    one = site("mm/smp.py:call_function_interrupt:read_once(call.cpumask)")
    lines = (ROOT / one.file).read_text(encoding="utf-8").splitlines()
    assert lines[one.line - 1].endswith("asked = [")
    assert lines[one.last_line - 1].endswith("]")


def test_a_site_knows_whose_method_it_is_in() -> None:
    assert site("mm/swap.py:PageVecs.take:trap(Op(WRITE, self.name))").owner == (
        "PageVecs"
    )
    assert site(UNMARKED).owner == ""


# Locks that are not taken.


def test_others_may_come_before_what_a_lock_protected_and_after() -> None:
    seen = []

    async def without(lock: SpinLock) -> None:
        async with nothing(lock):
            seen.append("protected")

    async def other() -> None:
        for number in range(3):
            await pause()
            seen.append(str(number))

    threads = [
        KThread("first", 1, 0, without(SpinLock("lock"))),
        KThread("other", 2, 1, other()),
    ]
    machine = Machine(threads)
    for thread in (1, 0, 1, 0, 1):
        machine.step(machine.threads[thread])
    assert seen == ["0", "protected", "1", "2"]


# The battery.


@pytest.mark.parametrize("make", SCENES, ids=lambda make: make.__name__)
def test_a_small_scene_does_not_fail(make: Callable[[], Scene]) -> None:
    assert search(lambda: make().boot(), SourceDpor(), budget=60).failure is None


# What is noticed without a run in which it goes wrong.


def use(
    function: str, *locks: str, write: bool = False, announced: bool = False
) -> Use:
    return Use("Zone.nr_free_pages", function, write, announced, locks)


KNOWN = Locksets.of(
    [
        use("reads", "zone.lock", "mmap_sem"),
        use("writes", "zone.lock", write=True),
        use("peeks", announced=True),
        use("makes", write=True),  # it is nobody's yet
        use("forgets", "zone.lru_lock", write=True),
    ]
)


def test_a_use_without_the_lock_that_keeps_it_apart_is_exposed() -> None:
    found = KNOWN.exposed(use("reads", "mmap_sem"), announced_too=True)
    assert found is not None
    assert found.function == "writes"


@pytest.mark.parametrize(
    "harmless",
    [
        use("reads", "zone.lock"),  # the lock that it needs
        use("makes", write=True),  # it never had one
        use("unheard_of"),
        use("peeks", announced=True),
    ],
)
def test_what_was_apart_still_or_never_was_is_not_exposed(harmless: Use) -> None:
    assert KNOWN.exposed(harmless, announced_too=True) is None


def test_two_who_share_a_lock_are_not_kept_apart_by_it() -> None:
    reader = Use("VmArea.anon_vma", "reads", False, False, (), ("mmap_sem",))
    other = Use("VmArea.anon_vma", "prepares", True, True, (), ("mmap_sem",))
    writer = Use("VmArea.anon_vma", "unlinks", True, False, ("mmap_sem",), ())
    assert reader.shares_no_lock(other)
    assert not reader.shares_no_lock(writer)
    assert not writer.shares_no_lock(reader)


def test_a_function_may_meet_itself() -> None:
    found = KNOWN.exposed(use("forgets", write=True), announced_too=True)
    assert found is not None
    assert found.function == "forgets"


def test_a_use_that_announces_itself_no_more_is_exposed() -> None:
    assert KNOWN.exposed(use("peeks"), announced_too=False) is not None
    assert KNOWN.exposed(use("peeks", "zone.lru_lock"), announced_too=False) is not None
    assert KNOWN.exposed(use("reads", announced=True), announced_too=False) is None


# What is noticed.


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "items", "sign"),
    [
        (
            UNMARKED,
            "vma-adjust on 2.6.34",
            "no lock in common: VmArea.vm_start in kmm/mm/rmap.py:vma_address",
        ),
        (
            "mm/rmap.py:page_lock_anon_vma:k.rcu.read_lock()",
            "looked_for_in_vain",
            "use_after_free",
        ),
        (
            "mm/mmu_notifier.py:mm_take_all_locks:k.mm_all_locks_mutex.lock()",
            "two_notified",
            "data race: AnonVma.taken",
        ),
        (
            "mm/filemap.py:i_size_read:read_once(mapping.size)",
            "file_grows",
            "data race: AddressSpace.size",
        ),
    ],
)
def test_what_is_left_out_is_noticed(name: str, items: str, sign: str) -> None:
    found = verdict(name, items)
    assert items in found.by
    assert found.how.startswith(sign)


@pytest.mark.slow
def test_one_preemption_point_more_is_not_noticed() -> None:
    found = verdict(UNMARKED, "vma-adjust on 2.6.34", "--harmless")
    assert found.tried
    assert not found.by, found.how


@pytest.mark.slow
def test_the_model_as_it_is_is_not_accused(tmp_path: Path) -> None:
    items = [item for item in battery() if "vma-adjust" in item.name]
    judge = Judge.of(items, tmp_path)
    assert [judge.notice(item, None) for item in items] == [""] * len(items)
