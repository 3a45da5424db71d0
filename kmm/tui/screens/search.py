"""A search, while it runs and when it is over."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import ClassVar

from attrs import evolve
from textual.binding import Binding, BindingType
from textual.containers import Vertical

from ...report.outcome import answer, plural
from ...scenarios import play
from ...scenarios.play import Played
from ...sim.schedule import context_switches
from ...sim.search import Coverage
from ...sim.slices import Slices
from ...sim.strategies import SourceDpor
from ..background import background
from ..lines import Line
from ..messages import SearchEnded, SearchFound, SearchMoved
from ..session import Session
from .box import Box, Paper
from .drawing import drawing_lines

REDRAW = 0.1  # seconds

EXPLAINED = "Each execution orders the steps that matter to one another differently."


class Search(Box[Played | None]):
    """Covers every interleaving, or stops at the first that fails.

    Answers with what was found if there is a run to look at, else with None.
    """

    DEFAULT_CSS = """
    Search > Vertical { width: 120; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,space", "look", "step through it", key_display="enter"),
        Binding("escape,q,ctrl+c", "stop", "stop", key_display="esc"),
        Binding("escape,q", "answer", "close", key_display="esc"),
    ]

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.race, self.kernel = session.race, session.kernel
        self.heading = f"Searching {self.race.name} on kernel {self.kernel.text}"
        self.played: Played | None = None
        self.is_stopping = False

    def on_mount(self) -> None:
        super().on_mount()
        self.hunt()

    @background(exclusive=True)
    def hunt(self) -> Slices[None]:
        """Runs beside the screen, and sends messages."""
        strategy = SourceDpor()
        started = drawn = time.perf_counter()

        def progress(coverage: Coverage) -> bool:
            nonlocal drawn
            now = time.perf_counter()
            if now - drawn >= REDRAW:
                drawn = now
                self.post_message(
                    SearchMoved(coverage.executions, now - started, strategy.estimate())
                )
            return not self.is_stopping

        def found() -> None:
            self.post_message(SearchFound())

        played = yield from play.hunting(
            self.race, self.kernel, strategy, progress=progress, found=found
        )
        self.post_message(SearchEnded(played, time.perf_counter() - started))

    def lines(self) -> Sequence[Line]:
        return [
            Line(self.race.asks, look="loud"),
            Line(""),
            Line("Looking for an order of steps that fails ..."),
        ]

    def on_search_moved(self, message: SearchMoved) -> None:
        if self.played is None and not self.is_stopping:
            runs = plural(message.executions, "execution")
            guess = message.estimate
            text = (
                f"{runs} so far, none failed, of about {guess}; {message.seconds:.0f} s"
            )
            self.query_one(Paper).show(
                [*self.lines(), Line(text), Line(EXPLAINED, look="dim")]
            )

    def on_search_found(self, _: SearchFound) -> None:
        if not self.is_stopping:
            text = "A run failed.  Looking for the one with the fewest switches ..."
            self.query_one(Paper).show([*self.lines(), Line(text)])

    def on_search_ended(self, message: SearchEnded) -> None:
        played = message.played
        if self.is_stopping and played.stopped is not None:
            played = evolve(played, stopped="interrupt")
        self.played = played
        frame = self.query_one(Vertical)
        frame.border_title = f"{self.race.name} on kernel {self.kernel.text}"
        self.query_one(Paper).show(
            [
                Line(self.race.asks, look="loud"),
                Line(""),
                *outcome(played, self.app.size.width),
            ]
        )
        self.refresh_bindings()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """What can be done depends on whether the search is over."""
        if action == "look":
            return self.played is not None and self.played.recording is not None
        if action == "stop":
            return self.played is None
        if action == "answer":
            return self.played is not None
        return True

    def action_look(self) -> None:
        self.answer(self.played)

    def action_stop(self) -> None:
        """The first time, wait for what was found so far; the second, do not."""
        if self.is_stopping:
            self.answer(None)
        self.is_stopping = True
        self.query_one(Paper).show([Line("Stopping ...")])


def outcome(played: Played, columns: int) -> list[Line]:
    """The verdict, and the race as a drawing if there is one."""
    recording = played.recording
    if recording is None:
        return [Line(answer(played))]
    steps = plural(len(recording.steps), "step")
    switches = plural(context_switches(recording.choices), "context switch")
    how = "As short as can be, it" if played.is_least else "Shortened, it"
    return [
        Line(f"{answer(played)} {how} takes {steps}, {switches}."),
        Line(""),
        *drawing_lines(recording, columns),
        Line(""),
        Line(f"kmm replay {played.token}", hang=4),
    ]
