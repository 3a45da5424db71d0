"""What a race is, and how one of its runs is written as text.

From a race to a run: a `Scene` is memory as it is at first, and the threads that begin
in it; `Scene.boot` makes one `Machine` of it.  A search needs thousands of machines, so
it is given a `Boot`, a function whose every call makes one.  A race has, for a kernel:

- `scene`: the scene;
- `boot`: one machine, whose scene is its own;
- `booter`: a `Boot` that sets the scene anew for each machine: slow, and each machine
  stays as it is, whatever becomes of the others;
- `rewinder`: a `Boot` that puts one scene back before each machine: many times as
  quick, and only the newest machine is of any use.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from attrs import evolve, field, frozen

from ..designs import KernelSpec, UnknownName, parse_kernel
from ..mm.kernel import Config
from ..sim.machine import Machine
from ..sim.scene import Rewound, Scene
from ..sim.schedule import ScheduleError, decode, encode
from ..sim.search import Boot

SetUp = Callable[[KernelSpec, Config], Scene]


@frozen(kw_only=True)
class Race:
    """A litmus test: a small initial state, a few threads, a forbidden outcome.

    Nothing here says what a failure is.  A run fails when the model fails: a BUG_ON,
    a program that reads what it did not write, a count that does not add up.
    """

    name: str
    title: str
    asks: str  # the question, in one sentence
    story: str  # what happens, for a reader who is about to see it
    watch: str  # where to look
    threads: tuple[str, ...]  # what each does, in order
    set_up: SetUp
    config: Config
    sets: Mapping[str, str] = field(factory=dict)  # answers that the race insists on
    sizes: tuple[str, ...] = ("frames", "migrate_passes")  # of `config`, that matter
    # Other ways to make the page move, by name; see `triggered_by`.
    triggers: Mapping[str, tuple[SetUp, Config]] = field(factory=dict)
    checked: bool = False  # whether all that must always hold is asked at every step

    def kernel(self, spec: KernelSpec) -> KernelSpec:
        """The kernel to run on: `spec`, with the answers that the race insists on."""
        for question, answer in self.sets.items():
            spec = spec.with_answer(question, answer)
        return spec

    def triggered_by(self, trigger: str) -> Race:
        """The same race, with the page migrated on behalf of somebody else.

        Raises UnknownName.
        """
        if not self.triggers:
            raise UnknownName(
                "trigger", trigger, [f"none: {self.name} has only one way to begin"]
            )
        if trigger not in self.triggers:
            raise UnknownName(f"trigger of {self.name}", trigger, list(self.triggers))
        set_up, config = self.triggers[trigger]
        return evolve(
            self,
            name=f"{self.name}:{trigger}",
            set_up=set_up,
            config=config,
            triggers={},
        )

    # All four run on `self.kernel(spec)`.

    def booter(self, spec: KernelSpec) -> Boot:
        """Makes machines, each from a scene of its own."""
        return partial(self.boot, spec)

    def rewinder(self, spec: KernelSpec) -> Boot:
        """Makes machines from one scene, for who needs one machine at a time."""
        return Rewound(self.scene(spec))

    def boot(self, spec: KernelSpec) -> Machine:
        """One machine, with the threads at their first step."""
        return self.scene(spec).boot()

    def scene(self, spec: KernelSpec) -> Scene:
        """What the race's machines are made of; only here its own answers count."""
        scene = self.set_up(self.kernel(spec), self.config)
        return evolve(scene, is_checked=self.checked)

    @property
    def bounds(self) -> dict[str, int | str]:
        """What a proof is bounded by: it says nothing about larger settings."""
        sizes = {size: getattr(self.config, size) for size in self.sizes}
        return {
            "threads": len(self.threads),
            "cpus": self.config.cpus,
            **{k: n if isinstance(n, int) else str(n) for k, n in sizes.items()},
        }


@frozen
class ScheduleToken:
    """A run as one word: `race/kernel/schedule/check`, or a moment of it: `...@N`.

    `exec-stack/v4,pte-peek=unlocked/14a22b9a/7f3a` says everything that is needed to
    make the run again.  The check is the recording's fingerprint: it changes if any
    operation of the run does, so a schedule that was cut off, or that comes from
    another version of the model, is not taken for the run that it was.

    `@N` is the moment after N steps.  If that is where the schedule ends, the run need
    not be over there: it may be somebody's who has stopped choosing.
    """

    race: str
    kernel: KernelSpec
    choices: tuple[int, ...]
    check: str
    at: int | None = None  # the moment, if one is meant

    def __str__(self) -> str:
        moment = "" if self.at is None else f"@{self.at}"
        run = f"{self.race}/{self.kernel.text}/{encode(self.choices)}/{self.check}"
        return run + moment

    @property
    def is_part(self) -> bool:
        """Whether the run may go on after its last choice."""
        return self.at == len(self.choices)

    @staticmethod
    def parse(text: str) -> ScheduleToken:
        """The token of a text.  Raises ScheduleError."""
        parts = text.strip().split("/")
        if len(parts) != 4:
            raise ScheduleError(
                f"not a schedule: {shorten(text)!r} has {len(parts)} parts; expected "
                f"race/kernel/schedule/check, as `kmm hunt` prints it"
            )
        race, kernel, schedule, check = parts
        check, at_sign, moment = check.partition("@")
        if at_sign and not (moment.isdecimal() and moment.isascii()):
            raise ScheduleError(
                f"not a moment: {shorten(moment)!r} is no step's number"
            )
        choices = tuple(decode(schedule))
        at = int(moment) if at_sign else None
        if at is not None and at > len(choices):
            raise ScheduleError(f"the run has {len(choices)} steps, not {at}")
        try:
            return ScheduleToken(race, parse_kernel(kernel), choices, check, at)
        except UnknownName as error:
            raise ScheduleError(f"not a schedule for this kmm: {error}") from None


def shorten(text: str) -> str:
    text = text.strip()
    return text if len(text) <= 40 else f"{text[:37]}..."
