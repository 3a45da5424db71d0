"""The picture that is chosen, of the moment that is shown."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content
from textual.events import Click

from ..messages import MomentChosen
from ..pictures import find_picture
from ..session import Session
from .pane import GUTTER, Pane, Row, rows_of

HINT = "i: the next picture   x: what is this?"


class PicturePane(Pane):
    """Draws it for the room that there is; nothing is worked out while it is hidden."""

    session: Session | None = None
    drawn: Sequence[Row] = ()
    picture = ""

    def look_at(self, session: Session) -> None:
        self.session = session
        self.draw()

    def draw(self) -> None:
        session = self.session
        if session is None or self.room <= 0:
            return
        picture = find_picture(session.picture)
        self.call(f"{self.title} {picture.title}", HINT)
        self.lines = session.drawn(self.room - GUTTER)
        if picture.name != self.picture:
            self.picture = picture.name
            self.put_on_top(0)
        super().draw()

    def laid_out(self, width: int) -> tuple[Sequence[Content], Sequence[int]]:
        self.drawn = list(rows_of(self.lines, width))
        follows = bool(self.picture) and find_picture(self.picture).follows
        marked = [n for n, row in enumerate(self.drawn) if row.is_marked and follows]
        return [row.content for row in self.drawn], marked

    def on_click(self, event: Click) -> None:
        where = event.get_content_offset(self)
        if where is None:
            return
        number = where.y + self.scroll_offset.y
        if number < len(self.drawn):
            moment = self.drawn[number].goes_at(where.x)
            if moment is not None:
                self.post_message(MomentChosen(moment))
