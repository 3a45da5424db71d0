"""A pane: lines of text that can be scrolled, selected, focused and zoomed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar

from attrs import frozen
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.geometry import Region, Size
from textual.scroll_view import ScrollView
from textual.selection import Selection
from textual.strip import Strip
from textual.visual import Visual

from ..lines import CHANGED, CURRENT, FATAL, Line, break_line

STYLES = {
    "": "",
    "title": "bold $text-secondary",
    "dim": "$foreground 65%",
    "loud": "bold",
    CHANGED: "bold $text-warning",
    FATAL: "bold $text-error",
    CURRENT: "bold $text on $primary-muted",
}
GUTTER = 2  # columns for a mark and a space


class Pane(ScrollView, can_focus=True, inherit_bindings=False):
    """Shows lines.  What is in focus has a heavy frame, so it can be told by shape.

    It draws its rows itself, so that a step costs no new layout of the screen.
    """

    DEFAULT_CSS = """
    Pane {
        border: round $foreground 40%;
        border-title-color: $foreground;
        border-subtitle-color: $text-muted;
        overflow: hidden scroll;
        scrollbar-size-vertical: 1;
        scrollbar-background: $background;
        height: 1fr;
        text-wrap: nowrap;
    }
    Pane:focus { border: heavy $border; border-title-style: bold; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "scroll_up", "scroll up", show=False),
        Binding("down", "scroll_down", "scroll down", show=False),
        Binding("pageup", "page_up", "page up", show=False),
        Binding("pagedown", "page_down", "page down", show=False),
    ]
    ALLOW_SELECT = True
    auto_links = False  # there are none; looking for them takes time at each row

    def __init__(self, title: str, *, id: str) -> None:  # noqa: A002  # Textual's name
        super().__init__(id=id)
        self.title = title
        self.called = "", ""  # what stands in the frame
        self.call(title)
        self.lines: Sequence[Line] = ()
        self.head: Content | None = None  # a row that does not scroll away
        self.rows: Sequence[Content] = ()

    def show(self, lines: Sequence[Line]) -> None:
        """Draw these lines, and bring what is marked into sight."""
        self.lines = lines
        self.draw()

    def draw(self) -> None:
        """Lay everything out for the room that there is; none if it is hidden."""
        if self.room <= 0:
            return
        before = list(self.in_sight())
        self.rows, marked = self.laid_out(self.room)
        self.hold(len(self.rows) + (self.head is not None))
        self.bring_into_sight(marked)
        self.repaint(before)

    def call(self, title: str, subtitle: str = "") -> None:
        """What stands in the frame.

        (Setting `border_title` as usual would paint the whole pane at every step.)
        """
        if self.called == (title, subtitle):
            return
        self.called = title, subtitle
        self._border_title, self._border_subtitle = Content(title), Content(subtitle)
        (width, height), (left, top) = self.outer_size, self.content_offset
        self.refresh(
            Region(-left, -top, width, 1), Region(-left, height - top - 1, width, 1)
        )

    def in_sight(self) -> Iterator[Content | None]:
        """What each row on the screen shows; None below the last."""
        for y in range(self.scrollable_content_region.height):
            yield self.content_at(y)

    def content_at(self, y: int) -> Content | None:
        row = y + self.scroll_offset.y
        if self.head is not None:
            if y == 0:
                return self.head
            row -= 1
        return self.rows[row] if row < len(self.rows) else None

    def repaint(self, before: Sequence[Content | None]) -> None:
        """The rows in sight that are not what they were."""
        now = list(self.in_sight())
        if len(now) != len(before):
            self.refresh()
            return
        changed = [
            y for y, pair in enumerate(zip(before, now, strict=True)) if differ(*pair)
        ]
        if changed:
            width = self.size.width
            self.refresh(*(Region(0, y, width, 1) for y in changed))

    def hold(self, rows: int) -> None:
        """So many rows are in it; only a pane that is as high as they is laid out anew.

        (Setting `virtual_size` as usual would lay out the screen at every step.)
        """
        size = Size(self.room, rows)
        if self.styles.height is not None and self.styles.height.is_auto:
            self.virtual_size = size
        elif size != self.virtual_size:
            self.set_reactive(ScrollView.virtual_size, size)
            self.vertical_scrollbar.window_virtual_size = rows
            self.scroll_y = self.validate_scroll_y(self.scroll_y)

    def laid_out(self, width: int) -> tuple[Sequence[Content], Sequence[int]]:
        """The rows, and the numbers of those that should be in sight."""
        return lay_out(self.lines, width)

    def bring_into_sight(self, rows: Sequence[int]) -> None:
        """Scroll no further than is needed."""
        if not rows:
            return
        top, height = self.scroll_offset.y, self.height_for_rows
        first, last = rows[0], rows[-1]
        if first < top or last >= top + height:
            target = first if last - first >= height else last - height + 1
            self.put_on_top(min(first, target))

    def put_on_top(self, row: int) -> None:
        """Scroll so that `row` is the first in sight, or as near to it as can be."""
        self.scroll_to(y=max(row, 0), animate=False)

    @property
    def room(self) -> int:
        """Columns for text."""
        return self.scrollable_content_region.width

    @property
    def height_for_rows(self) -> int:
        return self.scrollable_content_region.height - (self.head is not None)

    # What Textual calls.

    def on_resize(self) -> None:
        self.draw()

    def on_show(self) -> None:
        self.draw()

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """For panes that are as high as what is in them."""
        rows, _ = self.laid_out(width - self.scrollbar_gutter.width)
        return len(rows)

    def render_line(self, y: int) -> Strip:
        content = self.content_at(y)
        if content is None:
            return Strip.blank(self.size.width, self.rich_style)
        if content is self.head:
            return self.strip(content)
        row = y + self.scroll_offset.y - (self.head is not None)
        selection = self.text_selection
        if selection is not None and (span := selection.get_span(row)) is not None:
            start, end = span
            content = content.stylize("reverse", start, None if end < 0 else end)
        return self.strip(content).apply_offsets(0, row)

    def strip(self, content: Content) -> Strip:
        """One row, ready to be put on the screen."""
        width = self.size.width
        strips = Visual.to_strips(
            self, content, width, 1, self.visual_style, apply_selection=False, pad=True
        )
        return strips[0] if strips else Strip.blank(width, self.rich_style)

    def get_selection(self, selection: Selection) -> tuple[str, str]:
        return selection.extract("\n".join(row.plain for row in self.rows)), "\n"

    def selection_updated(self, selection: Selection | None) -> None:
        self.refresh()


def differ(one: Content | None, other: Content | None) -> bool:
    """In text or in style."""
    if one is None or other is None:
        return one is not other
    return not one.is_same(other)


@frozen
class Row:
    """A row on the screen, and which part of which line it shows."""

    content: Content
    line: Line
    start: int  # of the line's text
    indent: int  # columns before that

    @property
    def is_marked(self) -> bool:
        """Whether it begins with a mark."""
        return self.start == 0 and bool(self.line.mark.strip())

    def goes_at(self, column: int) -> int | None:
        """The moment that a click on a column leads to."""
        offset = column - self.indent + self.start
        return self.line.goes_at(max(offset, self.start))


def rows_of(lines: Sequence[Line], width: int, gutter: int = GUTTER) -> Iterator[Row]:
    """Lines, broken into rows of at most `width` columns."""
    for line in lines:
        style = STYLES.get(line.mark) or STYLES[line.look]
        for start, end in break_line(line.text, width - gutter, line.hang):
            mark = f"{line.mark} " if gutter else ""
            before = mark if start == 0 else " " * (gutter + line.hang)
            content = Content.styled(before + line.text[start:end], style)
            shift = len(before) - start
            for span in line.spans:
                first, last = max(span.start, start), min(span.end, end)
                if span.look and first < last:
                    content = content.stylize(
                        STYLES[span.look], first + shift, last + shift
                    )
            yield Row(content, line, start, len(before))


def lay_out(
    lines: Sequence[Line], width: int, gutter: int = GUTTER
) -> tuple[list[Content], list[int]]:
    """Rows of at most `width` columns; and which of them carry a mark."""
    rows = list(rows_of(lines, width, gutter))
    marked = [n for n, row in enumerate(rows) if row.is_marked]
    return [row.content for row in rows], marked
