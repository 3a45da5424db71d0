"""A scene: memory as it is at first, and the threads that begin in it.

`Scene.boot` makes a machine of it, once.  `Rewound` makes machines one after another
from a single scene: before each but the first, everything that the threads could reach
is put back as it was (`checkpoint`), which takes a tenth of the time of setting the
scene again.  Searches make thousands of runs, so they rewind; who wants to look at two
machines at a time sets two scenes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from attrs import evolve, frozen

from .checkpoint import Checkpoint
from .machine import MAX_STEPS, Machine, no_check
from .thread import KThread


def at_once(_: Machine) -> None:
    """The run begins where the threads begin."""


@frozen
class Scene:
    """What a machine is made of.  Nothing has run in it yet.

    `threads` makes the threads anew, as a coroutine that has run cannot be put back.
    `advance` takes the machine to where the run is to begin.
    The rest is as `Machine` has it.
    """

    threads: Callable[[], Sequence[KThread]]
    check: Callable[[], None] = no_check
    observe: Callable[[], object] = no_check
    always: Callable[[], None] = no_check
    advance: Callable[[Machine], None] = at_once
    model: object = None
    max_steps: int = MAX_STEPS
    is_checked: bool = False

    def beginning(self, advance: Callable[[Machine], None]) -> Scene:
        """The same, but the run begins where `advance` takes it."""
        return evolve(self, advance=advance)

    def boot(self) -> Machine:
        """A machine with the threads at their first step."""
        machine = Machine(
            self.threads(),
            check=self.check,
            observe=self.observe,
            max_steps=self.max_steps,
            always=self.always,
            model=self.model,
        )
        self.advance(machine)
        machine.choices.clear()  # its history begins here
        machine.is_checked = self.is_checked
        return machine


class Rewound:
    """Machines from one scene, of which only the newest is of any use."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.checkpoint: Checkpoint | None = None

    def __call__(self) -> Machine:
        if self.checkpoint is None:
            self.checkpoint = Checkpoint(self.scene)
        else:
            self.checkpoint.restore()
        return self.scene.boot()
