"""Every key of the screens, in a table each.

Read by the bindings of a screen, by its help, and by the list of commands.
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
    Key(
        "quit", "q", "q", "leave", "leave", "back to where you came from, or leave kmm"
    ),
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
    Key(
        "choose",
        "",
        "A B C D",
        "",
        "",
        "let that thread go next: a run of your own begins here",
    ),
    Key("mine", "m", "m", "mine", "", "be the scheduler from this moment on"),
    Key("rest", "e", "e", "rest", "", "end a run of your own: the rest one by one"),
    Key("judge", "H", "H", "judge", "", "can it still fail from here? (a hint)"),
    Key("runs", "R", "R", "runs", "", "back to a run that was shown before"),
    Key("swap", "f", "f", "swap", "", "the kernel before this one, and back"),
    Key("beside", "v", "v", "beside", "", "this schedule on two kernels, side by side"),
    Key(
        "stop", "b", "b", "stop", "", "stop at a line, a function, an object, an event"
    ),
    Key(
        "stop.next",
        "c,right_curly_bracket",
        "c }",
        "next_stop",
        "",
        "on to the next stop",
    ),
    Key(
        "stop.previous",
        "left_curly_bracket",
        "{",
        "previous_stop",
        "",
        "back to the stop before",
    ),
    Key("write", "w", "w", "last_write", "", "to the last change of a field"),
    Key("picture", "i", "i", "picture", "", "the next picture of this moment"),
    Key("pictures", "I", "I", "pictures", "", "choose a picture"),
    Key("what", "x", "x", "what", "", "what is this? something in sight, explained"),
    Key("oops", "o", "o", "oops", "", "how the run fails, as the kernel prints it"),
    Key("files", "F", "F", "files", "", "/proc and /sys as they are at this moment"),
    Key(
        "stress",
        "t",
        "t",
        "stress",
        "",
        "the letter's recipe on this kernel or another, live",
    ),
    Key(
        "copy", "y", "y", "copy", "", "copy this moment, for kmm --open and kmm replay"
    ),
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

PAGE = Binding.Group("section")

LESSON_KEYS = (
    Key(
        "read.on",
        "space,pagedown",
        "space",
        "on",
        "read on",
        "a screenful on, and then the next section",
    ),
    Key(
        "section.previous",
        "left,h,p",
        "left h p",
        "previous",
        "section",
        "the section before",
        PAGE,
    ),
    Key(
        "section.next",
        "right,l,n",
        "right l n",
        "next",
        "section",
        "the next section",
        PAGE,
    ),
    Key(
        "do",
        "tab",
        "tab",
        "do",
        "do",
        "to what can be done here: a question, a run, a kernel",
    ),
    Key(
        "exercise",
        "x",
        "x",
        "exercise",
        "",
        "exercises of this lesson that are judged",
    ),
    Key("help", "question_mark,f1", "? F1", "help", "help", "this help"),
    Key("leave", "q,escape", "q esc", "leave", "contents", "back to the contents"),
    Key("line.down", "down,j", "down j", "down", "", "a line down"),
    Key("line.up", "up,k", "up k", "up", "", "a line up"),
    Key("answer", "", "a b c d", "", "", "answer the question in focus"),
    Key(
        "open",
        "",
        "enter",
        "",
        "",
        "step through the run in focus, or search on the kernel",
    ),
    Key("section", "", "1 ... 9 0", "", "", "to a section by its number"),
    Key("palette", "ctrl+p", "ctrl+p", "", "", "all commands, and light or dark"),
)
CONTENTS_KEYS = (
    Key("open", "", "enter space", "", "", "open what the pointer is at"),
    Key(
        "filter", "slash", "/", "filter", "find", "only lessons with some words in them"
    ),
    Key("forget", "f", "f", "forget", "forget", "forget what you did in this lesson"),
    Key("forget.all", "F", "F", "forget_all", "", "forget what you did in all lessons"),
    Key("help", "question_mark,f1", "? F1", "help", "help", "this help"),
    Key("quit", "q", "q ctrl+q", "app.quit", "quit", "leave kmm"),
    Key(
        "down",
        "",
        "down j",
        "",
        "",
        "down, and k up; g and G to the first and the last",
    ),
    Key("palette", "ctrl+p", "ctrl+p", "", "", "all commands, and light or dark"),
)

MATRIX_KEYS = (
    Key("open", "", "enter space", "", "", "open the cell: its witness, or its proof"),
    Key("run", "r", "r", "run_all", "work out", "work out all that is missing"),
    Key("move", "", "arrows h j k l", "", "", "to another cell"),
    Key("help", "question_mark,f1", "? F1", "help", "help", "this help"),
    Key("leave", "q,escape", "q esc", "leave", "back", "back to where you came from"),
    Key("palette", "ctrl+p", "ctrl+p", "", "", "all commands, and light or dark"),
)

EXERCISE_KEYS = (
    Key("exercise.start", "s", "s", "start", "start", "begin it, in a folder of yours"),
    Key("exercise.edit", "e", "e", "edit", "edit", "your file, in your own editor"),
    Key(
        "exercise.check",
        "c",
        "c",
        "check",
        "check",
        "judge your file; a save does that too",
    ),
    Key("exercise.stop", "S", "S", "stop", "stop", "stop the judge"),
    Key("exercise.hint", "H", "H", "hint", "hint", "the next of three hints"),
    Key(
        "exercise.run",
        "o",
        "o",
        "run",
        "run",
        "step through the run that a check has failed with",
    ),
    Key("help", "question_mark,f1", "? F1", "help", "help", "this help"),
    Key("leave", "q,escape", "q esc", "leave", "back", "back to where you came from"),
    Key("tab", "tab", "tab", "next_tab", "", "to the next of task, checks and hints"),
    Key("tab.number", "", "1 2 3", "", "", "to the task, the checks, the hints"),
    Key("exercise.diff", "d", "d", "diff", "", "what you have changed in the starter"),
    Key(
        "exercise.reset",
        "R",
        "R",
        "reset",
        "",
        "put the starter back; your file is kept beside it",
    ),
    Key("palette", "ctrl+p", "ctrl+p", "", "", "all commands, and light or dark"),
)
