"""Every key of the screen, in one table.

Read by the bindings of the main screen, by its help, and by the list of commands.
"""

from __future__ import annotations

from attrs import frozen
from textual.binding import Binding

# Keys in one group share one word at the bottom of the screen.
STEP = Binding.Group("step")
EVENT = Binding.Group("event")


@frozen
class Key:
    """An action and the keys for it.  `id` is what a keymap names it by."""

    id: str
    keys: str  # as Textual names them, with commas between
    shown: str  # as the help shows them
    action: str
    label: str  # at the bottom of the screen; "" if it is not shown there
    help: str
    group: Binding.Group | None = None

    @property
    def binding(self) -> Binding:
        return Binding(
            self.keys,
            self.action,
            self.label or self.help,
            show=bool(self.label),
            key_display=self.shown.split()[0],
            tooltip=self.help,
            id=self.id,
            group=self.group,
        )


KEYS = (
    Key(
        "step.forward",
        "space,n,l,right",
        "space n l right",
        "forward",
        "step",
        "one step forward",
        STEP,
    ),
    Key("step.back", "p,h,left", "p h left", "back", "step", "one step back", STEP),
    Key(
        "event.previous",
        "left_square_bracket",
        "[",
        "previous_event",
        "event",
        "back to where another CPU went on, or memory changed",
        EVENT,
    ),
    Key(
        "event.next",
        "right_square_bracket",
        "]",
        "next_event",
        "event",
        "on to where another CPU goes on, or memory changes",
        EVENT,
    ),
    Key("search", "s", "s", "search", "search", "search for a run that fails"),
    Key(
        "kernel",
        "k",
        "k",
        "kernel",
        "kernel",
        "the same schedule on another kernel, or with another design",
    ),
    Key("help", "question_mark,f1", "? F1", "help", "help", "this help"),
    Key("quit", "q", "q ctrl+q", "app.quit", "quit", "leave kmm"),
    Key("go.start", "g,home", "g home", "start", "", "to the start of the run"),
    Key("go.end", "end", "end", "end", "", "to the end of the run"),
    Key("go.to", "G", "G", "go_to", "", "to a step by its number"),
    Key(
        "restart",
        "r",
        "r",
        "restart",
        "",
        "start again, with the run that this kernel opens with",
    ),
    Key("oops", "o", "o", "oops", "", "how the run fails, as the kernel prints it"),
    Key("files", "f", "f", "files", "", "/proc and /sys as they are at this moment"),
    Key(
        "stress",
        "t",
        "t",
        "stress",
        "",
        "the letter's recipe on this kernel or another, live",
    ),
    Key("copy", "y", "y", "copy", "", "copy the schedule, for kmm replay"),
    Key("zoom", "z", "z", "zoom", "", "the pane in focus alone, or all again"),
    Key(
        "pane",
        "1,2,3,4,5",
        "1 ... 5",
        "",
        "",
        "to a pane: CPU 0, CPU 1, memory, locks, log",
    ),
    Key("pane.next", "tab", "tab", "next_pane", "", "to the next pane"),
    Key("palette", "ctrl+p", "ctrl+p", "", "", "all commands, and light or dark"),
)
