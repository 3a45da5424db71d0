"""/proc and /sys at this moment of the run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.events import Mount
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from ..lines import Line
from .box import Box, Paper
from .kernels import KernelList


class FileList(KernelList):
    """The paths; what is in the one that is pointed at stands below."""

    DEFAULT_CSS = """
    FileList, FileList:focus { max-height: 8; border-bottom: solid $border; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j,n", "cursor_down", "next file", key_display="j"),
        Binding("up,k,p", "cursor_up", "file before", key_display="k"),
        Binding("tab,enter,space", "app.focus_next", "read it", key_display="tab"),
    ]


class Files(Box[None]):
    """A list of files, and one of them."""

    heading = "Files"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,f", "answer", "close", key_display="esc"),
    ]

    def __init__(self, files: Mapping[str, str], moment: str) -> None:
        super().__init__()
        self.files = dict(files)
        self.heading = f"/proc and /sys {moment}"

    def content(self) -> ComposeResult:
        yield FileList(*(Option(path) for path in self.files), markup=False)
        yield Paper("", id="paper")

    def on_mount(self, event: Mount | None = None) -> None:
        if event is not None:
            event.prevent_default()  # the list has the focus here, not the paper
        files = self.query_one(FileList)
        files.highlighted = 0
        files.focus()

    def on_option_list_option_highlighted(
        self, event: OptionList.OptionHighlighted
    ) -> None:
        path = list(self.files)[event.option_index]
        paper = self.query_one(Paper)
        paper.show(list(self.text(path)))
        paper.scroll_home(animate=False)

    def text(self, path: str) -> Iterator[Line]:
        yield Line(f"$ cat {path}", look="title")
        for line in self.files[path].splitlines():
            yield Line(line, hang=2)

    def lines(self) -> Sequence[Line]:
        return ()
