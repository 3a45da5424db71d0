"""The main screen: a run, one step at a time.

What is shown is worked out by `session`; here it is handed to the panes.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ClassVar, Concatenate, ParamSpec, TypeVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.events import DescendantFocus
from textual.screen import Screen
from textual.widgets import Footer, Static

from ...designs import KernelSpec
from ...scenarios.play import Played
from ...sim.slices import Slices
from ..background import background
from ..explain import explain, things
from ..keys import KEYS
from ..messages import LookedAhead, MomentChosen, TabChosen
from ..opening import open_session
from ..pictures import PICTURES
from ..session import Session
from ..standing import thread_views, why_not
from ..steered import LETTERS, look_ahead
from ..telling import outlook, told_run
from ..widgets.changed import ChangedPane
from ..widgets.code import CodePane
from ..widgets.headline import Headline
from ..widgets.log import LogPane
from ..widgets.pane import Pane
from ..widgets.picture import PicturePane
from ..widgets.tabs import TabLine
from .beside import Beside
from .box import Box
from .choose import Choose
from .drawing import Drawing
from .files import Files
from .go_to import GoTo
from .help import race_help
from .kernels import Kernels
from .oops import DRAWING, KERNEL, UNDO, Oops
from .search import Search
from .stress import Stress
from .what import What

LEAST = (60, 20)  # columns and rows, below which nothing is shown
ALL_AT_ONCE = (110, 34)  # from which on all panes are
WIDTHS = [(0, "-tiny"), (LEAST[0], "-narrow"), (ALL_AT_ONCE[0], "-wide")]
HEIGHTS = [(0, "-low"), (LEAST[1], "-short"), (ALL_AT_ONCE[1], "-tall")]

Result = TypeVar("Result")
Given = ParamSpec("Given")

PANES = ("code0", "code1", "memory", "locks", "log")  # for the keys 1 to 5
TAB_OF = {
    "code0": "code",
    "code1": "code",
    "memory": "memory",
    "locks": "memory",
    "log": "log",
}


def makes_it_again(
    action: Callable[Concatenate[Stepper, Given], None],
) -> Callable[Concatenate[Stepper, Given], None]:
    """An action that needs the code of the run; where that is not here, it says so."""

    @wraps(action)
    def acting(screen: Stepper, /, *args: Given.args, **kwargs: Given.kwargs) -> None:
        foreign = screen.session.foreign
        if foreign is None:
            action(screen, *args, **kwargs)
        else:
            screen.notify(foreign.refusal, timeout=8)

    return acting


class Stepper(Screen[None]):
    """Draws a session, and moves in it.  All panes at once if they fit, else tabs."""

    DEFAULT_CSS = """
    Stepper #panes { height: 1fr; }
    Stepper #small { display: none; height: 1fr; padding: 1 2; }

    /* All at once. */
    Stepper.-wide.-tall TabLine { display: none; }
    Stepper.-wide.-tall #panes {
        layout: grid; grid-size: 2 3; grid-rows: 3fr 8 2fr;
    }
    Stepper.-wide.-tall #memory { row-span: 2; }

    /* Tabs: frames shrink to a line on top. */
    Stepper.-narrow Pane, Stepper.-short Pane {
        border: none; border-top: solid $foreground 40%;
    }
    Stepper.-narrow Pane:focus, Stepper.-short Pane:focus {
        border: none; border-top: heavy $border;
    }
    Stepper.-narrow ChangedPane, Stepper.-short ChangedPane { min-height: 5; }
    Stepper.-narrow .-other-tab, Stepper.-short .-other-tab { display: none; }
    Stepper.-narrow #locks, Stepper.-short #locks { height: auto; max-height: 5; }
    Stepper.-picture.-narrow #locks, Stepper.-picture.-short #locks { display: none; }

    /* One pane alone. */
    Stepper.-zoomed Headline, Stepper.-zoomed ChangedPane, Stepper.-zoomed TabLine,
    Stepper.-zoomed #panes > .-not-zoomed { display: none; }
    Stepper.-zoomed.-wide.-tall #panes { layout: vertical; }
    Stepper.-zoomed #locks { height: 1fr; max-height: 100%; }

    /* Nothing fits. */
    Stepper.-tiny > *, Stepper.-low > * { display: none; }
    Stepper.-tiny > #small, Stepper.-low > #small { display: block; }
    """
    HORIZONTAL_BREAKPOINTS = WIDTHS
    VERTICAL_BREAKPOINTS = HEIGHTS
    BINDINGS: ClassVar[list[BindingType]] = [
        *(key.binding for key in KEYS if key.action),
        *(
            Binding(letter, f"choose({n})", show=False, id=f"choose.{letter}")
            for n, letter in enumerate(LETTERS[:4])
        ),
        *(
            Binding(str(n), f"pane('{name}')", show=False, id=f"pane.{n}")
            for n, name in enumerate(PANES, start=1)
        ),
        Binding("shift+tab", "next_pane(-1)", show=False, id="pane.previous"),
        Binding("escape", "unzoom", show=False),
    ]
    AUTO_FOCUS = None

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session

    def compose(self) -> ComposeResult:
        yield Headline()
        yield ChangedPane("", id="changed")
        yield TabLine()
        with Container(id="panes"):
            yield CodePane("1", id="code0")
            yield CodePane("2", id="code1")
            yield PicturePane("3", id="memory")
            yield Pane("4 Locks: who holds them", id="locks")
            yield LogPane("5 Log", id="log")
        yield Footer(show_command_palette=False)
        yield Static(
            f"kmm needs a terminal of at least {LEAST[0]} columns and {LEAST[1]} rows. "
            f"Make this one larger, or press q and try: "
            f"kmm hunt exec-stack --kernel vanilla",
            id="small",
        )

    def on_mount(self) -> None:
        self.open_tab("code")
        self.draw()

    # Drawing.

    def draw(self) -> None:
        """Tell every part what to show."""
        session = self.session
        threads = thread_views(session)
        self.query_one(Headline).look_at(session)
        self.query_one(ChangedPane).look_at(session)
        for number, view in enumerate(threads[:2]):
            self.query_one(f"#code{number}", CodePane).look_at(view)
        self.query_one(PicturePane).look_at(session)
        self.query_one("#locks", Pane).show(session.locks())
        names = [view.name for view in threads]
        self.query_one("#log", LogPane).follow(session.log(), names)

    def go(self, moment: int, *, forward: bool = False) -> None:
        """Go to a moment; a failure that is met on the way forward is announced."""
        self.session.go(moment)
        self.draw()
        if forward and self.session.is_at_failure:
            self.action_oops()

    # Steps.

    def action_forward(self) -> None:
        if self.session.at == self.session.last and not self.session.is_at_failure:
            if self.session.is_unfinished:
                self.notify(
                    "Who goes next is your choice: A, B, ...; or e for the rest."
                )
            else:
                self.notify("This is the end of the run. g goes to its start.")
        self.go(self.session.at + 1, forward=True)

    def action_back(self) -> None:
        self.go(self.session.at - 1)

    def action_next_event(self) -> None:
        self.go(self.session.next_event(), forward=True)

    def action_previous_event(self) -> None:
        self.go(self.session.previous_event())

    def action_start(self) -> None:
        self.go(0)

    def action_end(self) -> None:
        self.go(self.session.last, forward=True)

    def action_go_to(self) -> None:
        def gone(moment: int | None) -> None:
            if moment is not None:
                self.go(moment, forward=True)

        self.over(GoTo(self.session.last), gone)

    def over(
        self, screen: Box[Result], then: Callable[[Result | None], None] | None = None
    ) -> None:
        """Open another screen over this one; it answers later."""
        _ = self.app.push_screen(screen, then)

    def on_moment_chosen(self, message: MomentChosen) -> None:
        self.go(message.moment)

    # Pictures.

    def action_picture(self) -> None:
        """The next picture, or the one that is chosen if it was not in sight."""
        if self.query_one(PicturePane).is_on_screen:
            self.session.next_picture()
        self.see_picture()

    def action_pictures(self) -> None:
        offered = self.session.pictures
        names = [picture.name for picture in offered]

        def chosen(index: int | None) -> None:
            if index is not None:
                self.session.picture = names[index]
                self.see_picture()

        at = names.index(self.session.picture) if self.session.picture in names else 0
        lines = [picture.title for picture in offered]
        self.over(Choose("Which picture?", lines, at=at), chosen)

    def action_what(self) -> None:
        """Explain something that is in sight."""
        seen = self.session.seen
        offered = things(seen)

        def chosen(index: int | None) -> None:
            if index is not None:
                self.over(What(explain(seen, offered[index])))

        if len(offered) == 1:
            chosen(0)
            return
        heading = "What is this?  (the last step's objects stand first)"
        empty = "Nothing is in sight yet."
        lines = [thing.name for thing in offered]
        self.over(Choose(heading, lines, empty=empty), chosen)

    def see_picture(self) -> None:
        """Draw the picture that is chosen, where it can be seen."""
        self.action_pane("memory")
        self.set_class(self.session.picture != PICTURES[0].name, "-picture")
        self.query_one(PicturePane).look_at(self.session)

    # Runs.

    @makes_it_again
    def action_restart(self) -> None:
        session = self.session
        session.restart(open_session(session.race, session.kernel))
        self.draw()

    def action_kernel(self) -> None:
        def chosen(kernel: KernelSpec | None) -> None:
            if kernel is not None:
                self.session.switch(kernel)
                self.draw()
                if outlook(self.session):
                    title = f"The same schedule on {self.session.kernel.text}"
                    self.notify(outlook(self.session), title=title, timeout=10)

        self.over(Kernels(self.session.race, self.session.model_kernel), chosen)

    @makes_it_again
    def action_search(self) -> None:
        def found(played: Played | None) -> None:
            if played is not None:
                self.session.adopt(played)
                self.draw()

        self.over(Search(self.session), found)

    # The reader as the scheduler.

    @makes_it_again
    def action_choose(self, thread: int) -> None:
        """Let a thread take the next step, whatever the recording does."""
        session = self.session
        if thread >= len(session.recording.threads):
            return
        if not session.choose(thread):
            info = session.recording.threads[thread]
            self.notify(f"{info.name} cannot go on here: {why_not(session, thread)}.")
            return
        self.draw()
        if session.is_at_failure:
            self.action_oops()
        elif session.is_unfinished:
            self.look_ahead()

    @makes_it_again
    def action_mine(self) -> None:
        """Forget what the recording does from here on, and ask who goes next."""
        if self.session.is_at_failure:
            self.notify("The run has failed here. Go back a step or more, and then m.")
            return
        if self.session.is_at_end:
            self.notify("The run is over. Go back a step or more, and then m.")
            return
        self.session.take_over()
        self.session.show_own()
        self.draw()
        self.look_ahead()

    @makes_it_again
    def action_rest(self) -> None:
        if self.session.is_at_end:
            self.notify("The run is over: there is no rest of it.")
            return
        self.session.let_the_rest_run()
        self.draw()

    @makes_it_again
    def action_judge(self) -> None:
        """Ask the search what can still happen after this moment."""
        self.notify("Looking at all that can come after this moment ...", timeout=2)
        self.look_ahead(tell=True)

    @background(exclusive=True, group="outlook")
    def look_ahead(self, *, tell: bool = False) -> Slices[None]:
        """Beside the screen; what it finds is shown if nobody has moved on."""
        session = self.session
        choices = session.recording.choices[: session.at]
        found = yield from look_ahead(session.race, session.kernel, choices)
        self.post_message(LookedAhead(found, tell))

    def on_looked_ahead(self, message: LookedAhead) -> None:
        session = self.session
        session.outlook_from = message.outlook
        if message.outlook.choices != session.recording.choices[: session.at]:
            return
        if message.tell:
            self.notify(message.outlook.text(session.recording), timeout=10)
        self.query_one(ChangedPane).look_at(session)

    # Runs that were shown before, and another kernel at one key.

    def action_runs(self) -> None:
        runs = list(reversed(self.session.runs))

        def chosen(index: int | None) -> None:
            if index is not None:
                self.session.go_back_to(runs[index])
                self.draw()

        lines = [told_run(shown) for shown in runs]
        empty = "No other run has been shown on this screen."
        self.over(
            Choose("Back to a run that was shown before", lines, empty=empty), chosen
        )

    def action_swap(self) -> None:
        """The schedule on the kernel that was shown before this one, and back."""
        session = self.session
        kernel = session.other_kernel()
        if kernel is None:
            self.action_kernel()
            return
        session.switch(kernel)
        self.draw()
        self.notify(f"This is kernel {session.kernel.text} now. {outlook(session)}")

    def action_beside(self) -> None:
        """The same schedule on another kernel, step by step beside this one."""

        def chosen(kernel: KernelSpec | None) -> None:
            if kernel is None:
                return
            ours = (self.session.kernel.text, self.session.recording)
            other, run = self.session.followed_on(kernel)
            if other == ours[0]:
                self.notify(f"{other} is the kernel of this run. v compares another.")
                return
            self.over(Beside((ours[0], other), (ours[1], run)))

        self.over(Kernels(self.session.race, self.session.model_kernel), chosen)

    # Stops.

    def action_stop(self) -> None:
        session = self.session
        offered = session.stops_offered()
        marked = [n for n, stop in enumerate(offered) if stop in session.stops]

        def chosen(index: int | None) -> None:
            if index is not None:
                session.toggle_stop(offered[index])
                verb = "set" if offered[index] in session.stops else "gone"
                self.notify(f"Stop {offered[index].text}: {verb}. c goes to the next.")

        heading = "Stop where? (* is set; enter sets it, or takes it away)"
        self.over(Choose(heading, [s.text for s in offered], marked=marked), chosen)

    def action_next_stop(self) -> None:
        if not self.session.stops:
            self.action_stop()
            return
        self.go(self.session.next_stop(), forward=True)

    def action_previous_stop(self) -> None:
        self.go(self.session.previous_stop())

    def action_last_write(self) -> None:
        """To the step that changed something last."""
        writes = self.session.last_writes()

        def chosen(index: int | None) -> None:
            if index is not None:
                self.go(writes[index][0])

        lines = [f"{moment:4}  {change}" for moment, change in writes]
        empty = "Nothing has changed yet."
        self.over(Choose("Who wrote this last?", lines, empty=empty), chosen)

    def action_stress(self) -> None:
        self.over(Stress(self.session.model_kernel))

    def action_oops(self) -> None:
        if self.session.recording.failure is None:
            self.notify("This run does not fail. s searches for one that does.")
            return

        def answered(answer: str | None) -> None:
            if answer == UNDO:
                self.go(self.session.last - 1)
            elif answer == KERNEL:
                self.action_kernel()
            elif answer == DRAWING:
                self.over(Drawing(self.session.recording))

        self.over(Oops(self.session), answered)

    @makes_it_again
    def action_files(self) -> None:
        moment = f"after step {self.session.at}" if self.session.at else "at the start"
        files = self.session.files()
        if files:
            self.over(Files(files, moment))
        else:
            self.notify("This race has no kernel whose files could be read.")

    def action_copy(self) -> None:
        session = self.session
        token = session.token if session.foreign else session.moment_token
        self.app.copy_to_clipboard(str(token))
        text = "\nor ".join(session.commands)
        self.notify(text, title="This moment was copied", markup=False)

    def action_leave(self) -> None:
        """Back to the screen that opened this one, if there is one."""
        if len(self.app.screen_stack) > 1:
            _ = self.dismiss(None)
        else:
            self.app.exit()

    def action_help(self) -> None:
        self.over(race_help())

    # Panes.

    def action_pane(self, name: str) -> None:
        self.open_tab(TAB_OF[name])
        self.set_focus(self.query_one(f"#{name}"))
        if self.has_class("-zoomed"):
            self.zoom(name)

    def action_next_pane(self, by: int = 1) -> None:
        focused = self.focused.id if self.focused is not None else None
        here = PANES.index(focused) if focused in PANES else -1
        self.action_pane(PANES[(here + by) % len(PANES)])

    def open_tab(self, tab: str) -> None:
        self.query_one(TabLine).choose(tab)
        for name, its_tab in TAB_OF.items():
            self.query_one(f"#{name}").set_class(its_tab != tab, "-other-tab")

    def on_tab_chosen(self, message: TabChosen) -> None:
        self.open_tab(message.tab)

    def on_descendant_focus(self, event: DescendantFocus) -> None:
        if event.widget.id in TAB_OF:
            self.open_tab(TAB_OF[event.widget.id])

    def action_zoom(self) -> None:
        if self.has_class("-zoomed"):
            self.action_unzoom()
            return
        focused = self.focused.id if self.focused is not None else None
        self.zoom(focused if focused in PANES else "code0")

    def zoom(self, name: str) -> None:
        for other in PANES:
            self.query_one(f"#{other}").set_class(other != name, "-not-zoomed")
        self.add_class("-zoomed")
        self.set_focus(self.query_one(f"#{name}"))

    def action_unzoom(self) -> None:
        self.remove_class("-zoomed")
