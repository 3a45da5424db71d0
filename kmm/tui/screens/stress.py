"""The letter's recipe on a kernel: what to run, the run while it goes on, its end."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import ClassVar

from attrs import evolve
from textual.binding import Binding, BindingType
from textual.containers import Vertical

from ...designs import KernelSpec
from ...report.gauges import named_numbers, rates, smooth_bar, spark
from ...report.oops import oops
from ...report.stress import sentence, work_lines
from ...sim.recording import Recording
from ...sim.slices import Slices
from ...workloads.endurance import StressResult, running
from ...workloads.gauges import Gauges, read_gauges
from ...workloads.stress import MIB, PARTS, Recipe, small
from ...workloads.tail import NotWanted, writing_down
from ...workloads.userland import System
from ..background import background
from ..lines import Line
from ..messages import StepsWritten, StressEnded, StressMoved
from ..widgets.pane import GUTTER
from .box import Box, Paper
from .drawing import Steps
from .kernels import Kernels

REDRAW = 0.1  # seconds
TICK = 0.000_2  # seconds of virtual time between two moments of the curves
DURATION = 10.0  # of virtual time, after which a kernel has survived
LAST = 400  # steps that are looked at
KEPT = 200  # moments for the curves

# With these a small machine of 2.6.34 fails within some ten seconds of the reader's.
FIRST_PARTS, FIRST_SEED = "bc", 0

WHAT = {
    "a": "children that fault a mapping",
    "b": "children that punch a hole in it",
    "c": "children that exec echo",
    "d": "a mapping of 1.5 x memory, set for ever: it swaps",
}
NAME = 12  # columns for a name
NUMBER = 11


class Stress(Box[None]):
    """First what is to be run, then the run as it goes on, then what became of it."""

    DEFAULT_CSS = """
    Stress > Vertical { width: 120; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,space", "start", "run it", key_display="enter"),
        *(Binding(part, f"turn('{part}')", show=False) for part in PARTS),
        Binding("k", "kernel", "kernel"),
        Binding("m", "machine", "small or full size"),
        Binding("n", "seed", "next seed"),
        Binding("d", "last_steps", "draw its last steps"),
        Binding("escape,q,ctrl+c", "stop", "stop", key_display="esc"),
        Binding("r", "again", "another"),
        Binding("escape,q", "answer", "close", key_display="esc"),
    ]

    def __init__(self, kernel: KernelSpec) -> None:
        super().__init__()
        self.recipe = first_recipe(kernel)
        self.is_small = True
        self.stage = "choosing"  # or running, ended, drawing
        self.is_stopping = False
        self.result: StressResult | None = None
        self.heading = "The letter's recipe"

    # Choosing.

    def lines(self) -> Sequence[Line]:
        recipe = self.recipe
        size = "small" if self.is_small else "full size"
        return [
            Line(f"Kernel {recipe.spec.text}, seed {recipe.seed}", look="loud"),
            Line(f"{size}: {recipe.memory // MIB} MiB, {recipe.cpus} CPUs", hang=2),
            Line(""),
            *(
                Line(f"{part} [{'x' if part in recipe.only else ' '}] {what}")
                for part, what in WHAT.items()
            ),
            Line(f"  [{'x' if recipe.jobs else ' '}] compilations in a loop"),
            Line("  [x] compaction, all the time"),
            Line(""),
            Line("a, b, c and d turn one of these on or off."),
            Line(
                "Nothing is left to chance but what the seed decides: a run that fails "
                "fails again at the same step.",
                look="dim",
            ),
        ]

    def choose(self, recipe: Recipe) -> None:
        self.recipe = recipe
        self.query_one(Paper).show(self.lines())

    def action_turn(self, part: str) -> None:
        wanted = set(self.recipe.only) ^ {part}
        only = "".join(one for one in PARTS if one in wanted)
        self.choose(evolve(self.recipe, only=only))

    def action_machine(self) -> None:
        self.is_small = not self.is_small
        machine = small if self.is_small else Recipe
        recipe = self.recipe
        self.choose(evolve(machine(recipe.spec), only=recipe.only, seed=recipe.seed))

    def action_seed(self) -> None:
        self.choose(evolve(self.recipe, seed=self.recipe.seed + 1))

    def action_kernel(self) -> None:
        def chosen(kernel: KernelSpec | None) -> None:
            if kernel is not None:
                self.choose(evolve(self.recipe, spec=kernel))

        heading = "The recipe on another kernel"
        _ = self.app.push_screen(Kernels(None, self.recipe.spec, heading), chosen)

    # Running.

    def action_start(self) -> None:
        self.enter("running")
        self.query_one(Paper).show([Line("Booting ...")])
        self.endure(self.recipe)

    @background(exclusive=True)
    def endure(self, recipe: Recipe) -> Slices[None]:
        """Runs beside the screen, and sends messages."""
        started = drawn = time.perf_counter()
        history: list[Gauges] = []

        def progress(system: System) -> bool:
            nonlocal drawn
            now = time.perf_counter()
            history.append(read_gauges(system))
            del history[: -KEPT - 1]
            if now - drawn >= REDRAW:
                drawn = now
                self.post_message(StressMoved(tuple(history), now - started))
            return not self.is_stopping

        result = yield from running(recipe, DURATION, progress, tick=TICK)
        self.post_message(StressEnded(result))

    def on_stress_moved(self, message: StressMoved) -> None:
        if self.is_stopping:
            return
        if self.stage == "drawing":
            self.show_way_back(message.history[-1].seconds)
        if self.stage == "running":
            paper = self.query_one(Paper)
            columns = paper.room - GUTTER
            paper.show(list(dashboard(message.history, message.seconds, columns)))

    def action_stop(self) -> None:
        """The first time, wait for the slice to end; the second, do not."""
        if self.is_stopping:
            self.answer(None)
        self.is_stopping = True
        self.query_one(Paper).show([Line("Stopping ...")])

    # The end.

    def on_stress_ended(self, message: StressEnded) -> None:
        self.result = message.result
        self.enter("ended")
        self.show_end()

    def show_end(self) -> None:
        result = self.result
        assert result is not None
        paper = self.query_one(Paper)
        paper.show(list(end_of(result)))
        paper.scroll_home(animate=False)

    def action_again(self) -> None:
        self.enter("choosing")
        self.choose(self.recipe)

    def action_last_steps(self) -> None:
        assert self.result is not None
        self.enter("drawing")
        self.show_way_back(0.0)
        self.write_down(self.result)

    def show_way_back(self, seconds: float) -> None:
        """So far it has been run again."""
        assert self.result is not None
        text = "Running it once more, to write its last steps down:"
        far = f"{seconds:.3f} of {self.result.seconds:.3f} s"
        self.query_one(Paper).show([Line(text), Line(far)])

    @background(exclusive=True)
    def write_down(self, result: StressResult) -> Slices[None]:
        """As `endure`."""

        def progress(system: System) -> bool:
            self.post_message(StressMoved((read_gauges(system),), 0.0))
            return not self.is_stopping

        try:
            recording = yield from writing_down(result, LAST, progress)
        except NotWanted:
            recording = None
        self.post_message(StepsWritten(result, recording))

    def on_steps_written(self, message: StepsWritten) -> None:
        self.enter("ended")
        self.show_end()
        if message.recording is not None:
            screen = Steps(message.result, message.recording)
            _ = self.app.push_screen(screen)

    # What can be done depends on how far it is.

    def enter(self, stage: str) -> None:
        self.stage, self.is_stopping = stage, False
        recipe = self.recipe
        frame = self.query_one(Vertical)
        frame.border_title = (
            self.heading
            if stage == "choosing"
            else f"The letter's recipe on {recipe.spec.text}, seed {recipe.seed}"
        )
        self.refresh_bindings()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action in ("start", "turn", "kernel", "machine", "seed"):
            return self.stage == "choosing"
        if action == "stop":
            return self.stage in ("running", "drawing")
        if action == "answer":
            return self.stage in ("choosing", "ended")
        if action == "again":
            return self.stage == "ended"
        if action == "last_steps":
            failed = self.result is not None and self.result.failure is not None
            return self.stage == "ended" and failed
        return True


def first_recipe(kernel: KernelSpec) -> Recipe:
    """What is run unless something else is chosen."""
    return evolve(small(kernel), only=FIRST_PARTS, seed=FIRST_SEED)


def end_of(result: StressResult) -> Iterator[Line]:
    """Whether it failed, the oops if it did, and how much work that was."""
    yield Line(sentence(result), look="loud")
    yield Line("")
    if result.failure is not None:
        alone = Recording((), (), (), result.failure)
        for text in oops(alone, result.recipe.spec.name).splitlines():
            yield Line(text, hang=4)
        yield Line("")
    for text in work_lines(result):
        yield Line(text)


def dashboard(history: Sequence[Gauges], wall: float, columns: int) -> Iterator[Line]:
    """At most 20 lines, most of them of at most so many columns; others hang."""
    now = history[-1]
    yield Line(
        f"virtual {now.seconds:.3f} s   wall {wall:.1f} s   {now.steps:,} steps",
        look="loud",
    )
    room = columns - NAME - NUMBER - 4
    for name in ("faults", "migrations"):
        curve = spark(rates(history, name), room)
        yield Line(f"{name:{NAME}}{now.events[name]:>{NUMBER},}  {curve}")
    each = f"in each {TICK * 1000:g} ms"
    yield Line(f"{'':{NAME + NUMBER}}  {each}", look="dim")
    yield Line(f"{'done':{NAME}} {named_numbers(now.counts)}", hang=NAME + 1)
    yield Line(f"{'processes':{NAME}} {named_numbers(now.processes)}", hang=NAME + 1)
    yield Line(f"{'on the CPUs':{NAME}} {'  '.join(now.running)}", hang=NAME + 1)
    yield Line("")
    yield from free_memory(now, columns)
    share = now.swap_used / max(1, now.swap_slots)
    slots = f"{now.swap_used:,} of {now.swap_slots:,} slots"
    yield Line(f"{'swap':{NAME}} {smooth_bar(share, columns // 3)} {slots}")


def free_memory(now: Gauges, columns: int) -> Iterator[Line]:
    """The pages that are free in blocks of each order, as bars, two a line."""
    blocks = [sum(of_order) for of_order in zip(*now.free.values(), strict=True)]
    pages = [number << order for order, number in enumerate(blocks)]
    most, half = max(1, *pages), -(-len(pages) // 2)
    width = columns // 2 - NUMBER - 9

    def cell(order: int) -> str:
        bar = smooth_bar(pages[order] / most, width)
        return f"{order:>5} {pages[order]:>{NUMBER - 3},} {bar:{width}}"

    yield Line(f"free pages by the order of their blocks: {sum(pages):,}", look="title")
    for order in range(half):
        orders = [o for o in (order, order + half) if o < len(pages)]
        yield Line("  ".join(map(cell, orders)).rstrip())
