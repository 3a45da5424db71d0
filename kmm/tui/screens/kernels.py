"""The kernels, and the answers to each question."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from attrs import frozen
from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from ...designs import KERNELS, QUESTIONS, KernelSpec
from ...scenarios.race import Race
from .box import Box


@frozen
class Choice:
    """A name and what it stands for; without a kernel it is a heading."""

    name: str
    title: str = ""
    kernel: KernelSpec | None = None
    is_current: bool = False

    def label(self, *, pointed: bool = False) -> str | Table:
        """The line; colour alone would not show which one enter takes.

        A title that is too long for it goes on below its own beginning.
        """
        if self.kernel is None:
            return self.name
        marks = f"{'>' if pointed else ' '}{'*' if self.is_current else ' '} "
        columns = Table.grid()
        columns.add_column(no_wrap=True)
        columns.add_row(Text(marks + self.name), Text(self.title))
        return columns


def choices(race: Race | None, current: KernelSpec) -> Iterator[Choice]:
    """Every kernel, and the current one with each answer to each question.

    A race may insist on some answers, and is run on no kernel without them.
    """
    insists = race.sets if race is not None else {}
    yield Choice("KERNELS: name, time, and how exec moves the stack")
    for spec in KERNELS.values():
        title = f"{spec.title}: {spec.exec_stack.name}"
        is_current = (spec if race is None else race.kernel(spec)) == current
        yield Choice(f"{spec.name:7} ", title, spec, is_current)
    for question, answers in QUESTIONS.items():
        fixed = " (this race insists on its own)" if question in insists else ""
        yield Choice(f"OR ONLY ANOTHER ANSWER TO {question}{fixed}")
        width = max(len(name) for name in answers)
        for answer in answers.values():
            yield Choice(
                f"{answer.name:{width}}  ",
                answer.title,
                current.with_answer(question, answer.name),
                current.answers[question] is answer,
            )


class KernelList(OptionList, inherit_bindings=False):
    """Its lines begin with `>` where enter would choose."""

    DEFAULT_CSS = """
    KernelList, KernelList:focus {
        border: none; height: auto; max-height: 100%; padding: 0;
        background: transparent; scrollbar-size-vertical: 1;
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,space", "select", "choose", key_display="enter"),
        Binding("down,j,n", "cursor_down", "down", show=False),
        Binding("up,k,p", "cursor_up", "up", show=False),
        Binding("home,g", "first", "first", show=False),
        Binding("end,G", "last", "last", show=False),
        Binding("pagedown", "page_down", "page down", show=False),
        Binding("pageup", "page_up", "page up", show=False),
    ]


class Kernels(Box[KernelSpec | None]):
    """Answers with the kernel to run the schedule on, or None."""

    heading = "The same schedule on another kernel (* runs now)"  # or another, if given
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "answer", "stay", key_display="esc"),
    ]

    def __init__(
        self, race: Race | None, current: KernelSpec, heading: str | None = None
    ) -> None:
        super().__init__()
        self.heading = heading or self.heading
        self.choices = list(choices(race, current))
        self.pointed: int | None = None

    def content(self) -> ComposeResult:
        options = [Option(c.label(), disabled=c.kernel is None) for c in self.choices]
        yield KernelList(*options, markup=False)

    def on_mount(self) -> None:
        kernels = self.query_one(KernelList)
        kernels.highlighted = next(
            (n for n, choice in enumerate(self.choices) if choice.is_current), 1
        )
        kernels.focus()

    def on_option_list_option_highlighted(
        self, event: OptionList.OptionHighlighted
    ) -> None:
        """Move the pointer along."""
        for index in {self.pointed, event.option_index} - {None}:
            assert index is not None
            text = self.choices[index].label(pointed=index == event.option_index)
            event.option_list.replace_option_prompt_at_index(index, text)
        self.pointed = event.option_index

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        self.answer(self.choices[event.option_index].kernel)
