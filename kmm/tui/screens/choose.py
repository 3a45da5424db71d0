"""A list from which one line is chosen, or none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from .box import Box
from .kernels import KernelList


class Choose(Box[int | None]):
    """Answers with the index of a line.  `marked` are shown with a `*`."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "answer", "close", key_display="esc"),
    ]

    def __init__(
        self,
        heading: str,
        lines: Sequence[str],
        *,
        at: int = 0,
        marked: Sequence[int] = (),
        verb: str = "choose",
        empty: str = "There is nothing to choose from.",
    ) -> None:
        super().__init__()
        self.heading = heading
        self.choices, self.first, self.marked = list(lines), at, set(marked)
        self.verb, self.empty = verb, empty
        self.pointed: int | None = None

    def content(self) -> ComposeResult:
        if not self.choices:
            yield Static(self.empty, markup=False)
        yield KernelList(
            *(Option(self.label(n)) for n in range(len(self.choices))), markup=False
        )

    def label(self, number: int, *, pointed: bool = False) -> str:
        """Colour alone would not show which one enter takes."""
        mark = "*" if number in self.marked else " "
        return f"{'>' if pointed else ' '}{mark} {self.choices[number]}"

    def on_mount(self) -> None:
        found = self.query_one(KernelList)
        if self.choices:
            found.highlighted = min(self.first, len(self.choices) - 1)
        found.focus()

    def on_option_list_option_highlighted(
        self, event: OptionList.OptionHighlighted
    ) -> None:
        for index in {self.pointed, event.option_index} - {None}:
            assert index is not None
            text = self.label(index, pointed=index == event.option_index)
            event.option_list.replace_option_prompt_at_index(index, text)
        self.pointed = event.option_index

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        self.answer(event.option_index)
