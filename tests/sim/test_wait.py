"""Wait queues: no wake-up is lost by who keeps to the protocol."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from attrs import define, field
from sim.programs import Body, Cell, threads
from sim.traces import every_run

from kmm.sim.machine import Machine, run_alone
from kmm.sim.search import SearchResult, search
from kmm.sim.strategies import SourceDpor
from kmm.sim.wait import Sleeper, WaitQueue


@define(eq=False)
class Post:
    """A letter box, whoever waits for a letter, and the two ways to wait."""

    box: Cell = field(factory=lambda: Cell("box"))
    queue: WaitQueue = field(factory=lambda: WaitQueue("queue"))

    async def send(self) -> None:
        await self.box.write(1)
        await self.queue.wake_up()

    async def receive(self) -> None:
        while True:
            sleeper = await self.queue.prepare_to_wait()
            if await self.box.read():
                break
            await self.queue.schedule(sleeper)
        await self.queue.finish_wait(sleeper)

    async def receive_carelessly(self) -> None:
        """Looks first and gets on the queue after that."""
        while not await self.box.read():
            sleeper = await self.queue.prepare_to_wait()
            await self.queue.schedule(sleeper)


def delivered(receive: Callable[[Post], Body], receivers: int = 1) -> SearchResult:
    def boot() -> Machine:
        post = Post()
        return Machine(threads(post.send(), *(receive(post) for _ in range(receivers))))

    return search(boot, SourceDpor())


@pytest.mark.parametrize("receivers", [1, 2])
def test_a_wait_queue_loses_no_wake_up(receivers: int) -> None:
    result = delivered(Post.receive, receivers)
    assert result.verdict == "proved"
    assert result.coverage.executions > receivers


def test_looking_before_getting_on_the_queue_loses_a_wake_up() -> None:
    result = delivered(Post.receive_carelessly)
    assert result.failure is not None
    assert result.failure.kind == "deadlock"
    assert result.failure.details == ("b:2 waits for queue",)


def test_one_of_two_sleepers_can_be_woken() -> None:
    queue = WaitQueue("queue")
    first, second = (run_alone(queue.prepare_to_wait()) for _ in range(2))
    run_alone(queue.wake_one(second))
    assert [first.woken, second.woken] == [False, True]
    run_alone(queue.finish_wait(second))
    assert queue.sleepers == [first]


def test_getting_off_the_queue_leaves_nobody_on_it() -> None:
    posts: list[Post] = []

    def boot() -> Machine:
        posts.append(Post())
        return Machine(threads(posts[-1].send(), posts[-1].receive()))

    for _ in every_run(boot):
        assert posts[-1].queue.sleepers == []


def test_a_sleeper_says_whether_it_was_woken() -> None:
    sleeper = Sleeper()
    assert str(sleeper) == "asleep"
    sleeper.woken = True
    assert str(sleeper) == "woken"
