"""The screen, driven by keys, at the two sizes that it is made for."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from functools import cache
from pathlib import Path

import pytest
from attrs import evolve
from textual.pilot import Pilot
from textual.widgets import Footer
from textual.widgets._footer import FooterKey, FooterLabel

from kmm.designs import find_kernel
from kmm.scenarios import find_race
from kmm.tui.app import CRASHED, KmmApp
from kmm.tui.keys import KEYS
from kmm.tui.screens.drawing import Drawing
from kmm.tui.screens.go_to import GoTo
from kmm.tui.screens.help import Help
from kmm.tui.screens.kernels import Kernels
from kmm.tui.screens.oops import Oops
from kmm.tui.screens.search import Search
from kmm.tui.screens.stepper import PANES, Stepper
from kmm.tui.session import Session, open_session
from kmm.tui.widgets.code import CodePane
from kmm.tui.widgets.pane import Pane

SMALL, LARGE = (80, 24), (120, 40)
SIZES = pytest.mark.parametrize("size", [SMALL, LARGE])

Steps = Callable[[Pilot[None]], Awaitable[None]]


@cache
def first_opened(kernel: str) -> Session:
    return open_session(find_race("exec-stack"), find_kernel(kernel))


def run(
    steps: Steps, size: tuple[int, int] = SMALL, session: Session | None = None
) -> KmmApp:
    """Open a screen of this size, and do `steps` there."""
    app = KmmApp(session or evolve(first_opened("2.6.34")))

    async def main() -> None:
        async with app.run_test(size=size, notifications=True) as pilot:
            await pilot.pause()
            await steps(pilot)

    asyncio.run(main())
    return app


def stepper(pilot: Pilot[None]) -> Stepper:
    (found,) = (s for s in pilot.app.screen_stack if isinstance(s, Stepper))
    return found


def session_of(pilot: Pilot[None]) -> Session:
    return stepper(pilot).session


def shown(pilot: Pilot[None], pane: str) -> str:
    found = stepper(pilot).query_one(f"#{pane}", Pane)
    return "\n".join(row.plain for row in found.rows)


def picture(pilot: Pilot[None]) -> list[str]:
    """What is on the screen, row by row."""
    strips = pilot.app.screen._compositor.render_strips()
    return [strip.text for strip in strips]


async def settle(pilot: Pilot[None], screen: type[object], seconds: float = 5) -> None:
    """Wait for a screen to be on top."""
    end = time.monotonic() + seconds
    while not isinstance(pilot.app.screen, screen) and time.monotonic() < end:
        await asyncio.sleep(0.01)
    assert isinstance(pilot.app.screen, screen)


@SIZES
def test_the_first_screen_tells_a_newcomer_what_to_press(size: tuple[int, int]) -> None:
    async def steps(pilot: Pilot[None]) -> None:
        text = "\n".join(picture(pilot))
        assert "exec-stack on kernel 2.6.34" in text
        assert find_race("exec-stack").asks in text
        assert "Press space to step" in text
        assert "step 0 of 109" in text
        assert "async with mm.mmap_sem.for_write:" in text

    run(steps, size)


@SIZES
def test_steps_go_forward_and_back(size: tuple[int, int]) -> None:
    async def steps(pilot: Pilot[None]) -> None:
        session = session_of(pilot)
        await pilot.press("space", "n", "l", "right")
        assert session.at == 4
        await pilot.press("p", "h", "left")
        assert session.at == 1
        assert "takes zone.lru_lock" in shown(pilot, "changed")
        assert "step 1 of 109" in picture(pilot)[0]

    run(steps, size)


@SIZES
def test_every_pane_shows_the_moment_when_the_stack_has_moved(
    size: tuple[int, int],
) -> None:
    async def steps(pilot: Pilot[None]) -> None:
        stepper(pilot).go(47)
        await pilot.pause()
        assert "* vma#1.vm_start  0x7fffffffe000 -> 0x7fffffff8000" in shown(
            pilot, "changed"
        )
        for pane in PANES:
            await pilot.press(str(PANES.index(pane) + 1))
            found = stepper(pilot).query_one(f"#{pane}", Pane)
            assert found.has_focus
            assert found.display
            assert found.rows
        assert ">   65     await write_once(vma, VMA.vm_end, end)" in shown(
            pilot, "code1"
        )
        assert "no walk looks here" in shown(pilot, "memory")
        assert "anon_vma#1.lock        compact:3977" in shown(pilot, "locks")
        assert shown(pilot, "log").splitlines()[-2].startswith(" 47 ")

    run(steps, size)


def test_large_screens_show_all_panes_small_ones_have_tabs() -> None:
    async def large(pilot: Pilot[None]) -> None:
        assert all(stepper(pilot).query_one(f"#{pane}").display for pane in PANES)

    async def small(pilot: Pilot[None]) -> None:
        def displayed() -> list[str]:
            return [p for p in PANES if stepper(pilot).query_one(f"#{p}").display]

        assert displayed() == ["code0", "code1"]
        await pilot.press("3")
        assert displayed() == ["memory", "locks"]
        assert any("[memory]" in row for row in picture(pilot))
        await pilot.press("5")
        assert displayed() == ["log"]
        await pilot.press("tab")
        assert displayed() == ["code0", "code1"] or displayed() == ["log"]
        await pilot.click("TabLine", offset=(3, 0))
        assert displayed() == ["code0", "code1"]

    run(large, LARGE)
    run(small, SMALL)


@SIZES
def test_nothing_is_wider_than_the_screen_and_the_current_line_is_in_sight(
    size: tuple[int, int],
) -> None:
    async def steps(pilot: Pilot[None]) -> None:
        for moment in (0, 24, 35, 47, 65, 71, 78, 105, 108):
            stepper(pilot).go(moment)
            await pilot.pause()
            for pane in stepper(pilot).query(Pane):
                assert all(row.cell_length <= pane.room for row in pane.rows)
            rows = picture(pilot)
            assert all(len(row) == size[0] for row in rows)
            for pane in stepper(pilot).query(CodePane):
                view = pane.view
                assert view is not None
                if view.next_line is not None:
                    mark = f">{view.next_line:5} "
                    assert any(mark in row for row in rows), (moment, mark)

    run(steps, size)


def test_brackets_go_from_event_to_event_and_end_and_home_to_the_ends() -> None:
    async def steps(pilot: Pilot[None]) -> None:
        session = session_of(pilot)
        await pilot.press("right_square_bracket", "right_square_bracket")
        assert session.at == 4
        await pilot.press("left_square_bracket")
        assert session.at == 2
        await pilot.press("home")
        assert session.at == 0
        await pilot.press("end")
        assert session.at == session.last

    run(steps)


def test_a_step_can_be_gone_to_by_its_number() -> None:
    async def steps(pilot: Pilot[None]) -> None:
        session = session_of(pilot)
        await pilot.press("G")
        await settle(pilot, GoTo)
        await pilot.press("4", "7", "enter")
        assert session.at == 47
        await pilot.press("G", "escape")
        assert session.at == 47
        await pilot.press("G", "enter")
        assert session.at == 47
        await pilot.press("G", "9", "9", "9", "enter")
        assert session.at == session.last

    run(steps)


@SIZES
def test_the_oops_opens_at_the_failing_step_and_undo_goes_back_one(
    size: tuple[int, int],
) -> None:
    async def steps(pilot: Pilot[None]) -> None:
        session = session_of(pilot)
        stepper(pilot).go(session.last - 1)
        await pilot.press("space")
        await settle(pilot, Oops)
        text = "\n".join(picture(pilot))
        assert "kernel BUG at include/linux/swapops.h:105!" in text
        assert "note: date[4021] exited with its locks held" in text
        assert "undo the last step" in text
        await pilot.press("u")
        await settle(pilot, Stepper)
        assert session.at == session.last - 1

    run(steps, size)


def test_the_oops_leads_to_the_drawing_and_to_other_kernels() -> None:
    async def steps(pilot: Pilot[None]) -> None:
        await pilot.press("end", "d")
        await settle(pilot, Drawing)
        assert any("try_to_unmap_one()" in row for row in picture(pilot))
        await pilot.press("escape", "o", "k")
        await settle(pilot, Kernels)
        await pilot.press("escape", "o", "escape")
        await settle(pilot, Stepper)
        assert session_of(pilot).is_at_failure

    run(steps)


@SIZES
def test_another_kernel_is_chosen_from_a_list_and_runs_the_same_schedule(
    size: tuple[int, int],
) -> None:
    async def steps(pilot: Pilot[None]) -> None:
        session = session_of(pilot)
        stepper(pilot).go(100)
        await pilot.press("k")
        await settle(pilot, Kernels)
        rows = picture(pilot)
        assert any(">* 2.6.34  Linux 2.6.34" in row for row in rows)
        await pilot.press("j", "down")
        assert any(">  v6 " in row for row in picture(pilot))
        await pilot.press("enter")
        await settle(pilot, Stepper)
        assert session.kernel.name == "v6"
        assert session.fit is not None
        assert session.at == session.fit.alike
        assert "stops fitting after step 46" in shown(pilot, "changed")
        assert "on kernel v6" in picture(pilot)[0]

    run(steps, size)


def test_a_single_answer_is_chosen_from_the_same_list() -> None:
    async def steps(pilot: Pilot[None]) -> None:
        await pilot.press("k", "end", "up", "enter")
        assert session_of(pilot).kernel.text == "2.6.34,pte-peek=unlocked"

    run(steps)


@SIZES
def test_a_search_finds_the_bug_and_shows_it(size: tuple[int, int]) -> None:
    session = evolve(first_opened("2.6.34"), at=9)

    async def steps(pilot: Pilot[None]) -> None:
        await pilot.press("s")
        await settle(pilot, Search)
        search = pilot.app.screen
        assert isinstance(search, Search)
        await pilot.app.workers.wait_for_complete()
        await pilot.pause()
        text = "\n".join(picture(pilot))
        assert "Sometimes: execution 5 of the search failed." in text
        assert "3 context switches" in text
        assert "vma_adjust()" in text
        await pilot.press("enter")
        await settle(pilot, Stepper)
        assert session.at == 0
        assert session.recording.failure is not None
        assert session.origin == "the failing run that the search found"

    run(steps, size, session)


@SIZES
def test_a_search_proves_a_fixed_kernel_and_says_within_which_bounds(
    size: tuple[int, int],
) -> None:
    session = evolve(first_opened("2.6.35"))

    async def steps(pilot: Pilot[None]) -> None:
        await pilot.press("s")
        await settle(pilot, Search)
        await pilot.app.workers.wait_for_complete()
        await pilot.pause()
        text = " ".join("\n".join(picture(pilot)).split())
        assert "Never: proved by 214 executions" in text
        assert "2 threads, 2 CPUs, 16 page frames" in text
        assert "step through it" not in text
        await pilot.press("enter")
        assert isinstance(pilot.app.screen, Search)
        await pilot.press("escape")
        await settle(pilot, Stepper)

    run(steps, size, session)


def test_a_search_can_be_stopped_and_then_proves_nothing() -> None:
    race = find_race("exec-stack")
    race = evolve(race, config=evolve(race.config, migrate_passes=3))
    session = open_session(race, find_kernel("v6"))

    async def steps(pilot: Pilot[None]) -> None:
        stepper(pilot).action_search()
        await settle(pilot, Search)
        end = time.monotonic() + 10
        while "so far" not in "\n".join(picture(pilot)):
            await asyncio.sleep(0.02)
            assert time.monotonic() < end
        search = pilot.app.screen
        assert isinstance(search, Search)
        search.action_stop()
        await pilot.app.workers.wait_for_complete()
        await pilot.pause()
        text = " ".join("\n".join(picture(pilot)).split())
        assert "Not seen: interrupted after" in text
        assert "this is no proof" in text
        await pilot.press("escape")
        await settle(pilot, Stepper)

    run(steps, SMALL, session)


def test_a_pane_can_be_zoomed_and_all_come_back() -> None:
    async def steps(pilot: Pilot[None]) -> None:
        await pilot.press("4", "z")
        shown_panes = [p.id for p in stepper(pilot).query(Pane) if p.display]
        assert shown_panes == ["locks"]
        await pilot.press("3")
        shown_panes = [p.id for p in stepper(pilot).query(Pane) if p.display]
        assert shown_panes == ["memory"]
        await pilot.press("escape")
        assert all(p.display for p in stepper(pilot).query(Pane))

    run(steps, LARGE)


def test_the_schedule_can_be_copied() -> None:
    async def steps(pilot: Pilot[None]) -> None:
        await pilot.press("y")
        assert pilot.app.clipboard == str(session_of(pilot).token)
        assert any("kmm replay exec-stack/2.6.34/" in row for row in picture(pilot))

    run(steps)


def test_restart_returns_to_the_kernels_first_run() -> None:
    async def steps(pilot: Pilot[None]) -> None:
        session = session_of(pilot)
        session.switch(find_kernel("v6"))
        await pilot.press("r")
        assert session.at == 0
        assert session.fit is None

    run(steps)


@SIZES
def test_help_names_every_key_and_explains_the_words(size: tuple[int, int]) -> None:
    async def steps(pilot: Pilot[None]) -> None:
        await pilot.press("question_mark")
        await settle(pilot, Help)
        text = "\n".join(line.text for line in pilot.app.screen.lines())  # type: ignore[attr-defined]
        assert all(key.shown in text for key in KEYS)
        assert "migration entry" in text
        await pilot.press("f1")
        await settle(pilot, Stepper)

    run(steps, size)


def test_the_footer_has_at_most_six_entries_and_leaving_is_one() -> None:
    async def steps(pilot: Pilot[None]) -> None:
        footer = stepper(pilot).query_one(Footer)
        words = [str(label.render()) for label in footer.query(FooterLabel)]
        words += [k.description for k in footer.query(FooterKey) if k.description]
        assert sorted(words) == ["event", "help", "kernel", "quit", "search", "step"]
        assert "quit" in picture(pilot)[-1]

    run(steps)


def test_every_key_has_an_id_that_a_keymap_can_name() -> None:
    async def steps(pilot: Pilot[None]) -> None:
        pilot.app.set_keymap({"step.forward": "x", "search": "f"})
        await pilot.press("x")
        assert session_of(pilot).at == 1

    assert len({key.id for key in KEYS}) == len(KEYS)
    run(steps)


@pytest.mark.parametrize("size", [(59, 24), (80, 19), (20, 5)])
def test_a_terminal_that_is_too_small_is_told_so(size: tuple[int, int]) -> None:
    async def steps(pilot: Pilot[None]) -> None:
        text = " ".join(" ".join(picture(pilot)).split())
        assert "kmm needs a terminal" in text
        assert "step 0" not in text
        await pilot.resize_terminal(*SMALL)
        await pilot.pause()
        assert "step 0 of 109" in picture(pilot)[0]

    run(steps, size)


def test_colours_can_be_light_and_dark_and_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def steps(pilot: Pilot[None]) -> None:
        app = pilot.app
        assert isinstance(app, KmmApp)
        assert app.current_theme.dark
        app.turn()
        await pilot.pause()
        assert not app.current_theme.dark
        assert "step 0 of 109" in picture(pilot)[0]

    run(steps)
    monkeypatch.setenv("NO_COLOR", "1")
    run(steps)


def test_the_palette_offers_every_command() -> None:
    app = KmmApp(evolve(first_opened("2.6.34")))

    async def main() -> None:
        async with app.run_test(size=SMALL):
            titles = [c.title for c in app.get_system_commands(app.screen)]
            assert "One step forward" in titles
            assert "Light or dark" in titles
            assert titles[-1] == "Quit"

    asyncio.run(main())


def test_a_crash_leaves_a_report_and_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))

    app = KmmApp(Broken(first_opened("2.6.34")))

    async def main() -> None:
        async with app.run_test(size=SMALL) as pilot:
            await pilot.press("right_square_bracket")

    with pytest.raises(RuntimeError, match="a bug of the screen"):
        asyncio.run(main())
    assert app.return_code == CRASHED
    (report,) = (tmp_path / "kmm").iterdir()
    assert "a bug of the screen" in report.read_text(encoding="utf-8")


class Broken(Session):
    """A session that cannot find events."""

    def __init__(self, session: Session) -> None:
        super().__init__(
            session.race,
            session.kernel,
            session.recording,
            session.origin,
            session.schedule,
            session.schedule_of,
        )

    def next_event(self) -> int:
        raise RuntimeError("a bug of the screen")
