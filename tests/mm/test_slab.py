"""The cache of anon_vmas: what is freed may be given out again at once."""

from __future__ import annotations

import pytest
from building import alone

from kmm.mm.mm_types import AnonVma
from kmm.mm.slab import (
    KmemCache,
    anon_vma_cachep,
    check_alive,
    kmem_cache_alloc,
    kmem_cache_free,
)
from kmm.sim.failure import UseAfterFree
from kmm.sim.rcu import Rcu


@pytest.fixture
def cache() -> KmemCache:
    return anon_vma_cachep(Rcu())


def new(cache: KmemCache) -> AnonVma:
    return alone(kmem_cache_alloc(cache))


def test_two_that_are_in_use_are_never_the_same(cache: KmemCache) -> None:
    one, other = new(cache), new(cache)
    assert one is not other
    assert one.name != other.name
    assert one.lock is not other.lock


def test_the_last_one_freed_is_the_first_to_be_used_again(cache: KmemCache) -> None:
    made = [new(cache) for _ in range(3)]
    for anon_vma in made:
        alone(kmem_cache_free(anon_vma))
    assert [new(cache) for _ in range(3)] == made[::-1]


def test_used_again_it_is_its_own_root_and_has_the_lock_it_always_had(
    cache: KmemCache,
) -> None:
    root, child = new(cache), new(cache)
    own = child.own_lock
    child.root = root
    alone(kmem_cache_free(child))
    assert new(cache) is child
    assert child.root is child
    assert child.own_lock is child.lock is own


def test_giving_one_back_twice_is_reported_as_kasan_would(cache: KmemCache) -> None:
    anon_vma = new(cache)
    alone(kmem_cache_free(anon_vma))
    with pytest.raises(UseAfterFree, match="KASAN: double-free of anon_vma#1"):
        alone(kmem_cache_free(anon_vma))


# Looking at one that may be gone.


def test_one_that_is_in_use_may_be_looked_at_by_anybody(cache: KmemCache) -> None:
    alone(check_alive(new(cache)))


def test_one_that_was_freed_may_be_looked_at_in_a_section_that_began_before(
    cache: KmemCache,
) -> None:
    anon_vma = new(cache)

    async def look() -> None:
        async with cache.rcu:
            await kmem_cache_free(anon_vma)
            await check_alive(anon_vma)

    alone(look())


def test_a_section_that_began_later_is_no_excuse(cache: KmemCache) -> None:
    anon_vma = new(cache)

    async def look() -> None:
        await kmem_cache_free(anon_vma)
        async with cache.rcu:
            await check_alive(anon_vma)

    with pytest.raises(UseAfterFree, match="KASAN: use-after-free") as caught:
        alone(look())
    assert caught.value.details == ("it was freed before this RCU read section began",)


def test_without_a_section_it_may_not_be_looked_at(cache: KmemCache) -> None:
    anon_vma = new(cache)
    alone(kmem_cache_free(anon_vma))
    with pytest.raises(UseAfterFree) as caught:
        alone(check_alive(anon_vma))
    assert caught.value.details == ("this is no RCU read section",)


def test_a_section_around_the_section_counts(cache: KmemCache) -> None:
    anon_vma = new(cache)

    async def look() -> None:
        async with cache.rcu:
            await kmem_cache_free(anon_vma)
            async with cache.rcu:
                await check_alive(anon_vma)

    alone(look())


def test_one_that_is_used_again_is_alive_for_those_who_come_late(
    cache: KmemCache,
) -> None:
    """What they find is another anon_vma, and nothing tells them so."""
    anon_vma = new(cache)
    alone(kmem_cache_free(anon_vma))
    assert new(cache) is anon_vma
    alone(check_alive(anon_vma))
