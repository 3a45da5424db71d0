"""The screen, driven by keys, at the two sizes that it is made for."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from attrs import evolve
from textual.pilot import Pilot
from textual.widgets import Footer
from textual.widgets._footer import FooterKey, FooterLabel
from tui.driving import (
    LARGE,
    SIZES,
    SMALL,
    eventually,
    on_top,
    opened,
    picture,
    press,
    run,
    sees,
    words,
)

import kmm
from kmm.designs import find_kernel
from kmm.scenarios import find_race
from kmm.scenarios.play import hunt
from kmm.sim.strategies import SourceDpor
from kmm.tui.app import CRASHED, KmmApp
from kmm.tui.keys import KEYS
from kmm.tui.opening import open_session
from kmm.tui.screens.drawing import Drawing
from kmm.tui.screens.files import Files
from kmm.tui.screens.go_to import GoTo
from kmm.tui.screens.help import Help
from kmm.tui.screens.kernels import Kernels
from kmm.tui.screens.oops import Oops
from kmm.tui.screens.search import Search, outcome
from kmm.tui.screens.stepper import PANES, Stepper
from kmm.tui.session import Session
from kmm.tui.widgets.code import CodePane
from kmm.tui.widgets.pane import Pane

LAST = opened().last  # steps of the run that is opened
# Where exec stands in it at first, and the moment after its stack has been moved.
FIRST_LINE = "        await clear_bit(prev, MM.cpu_vm_mask, cpu.number)"
MOVED = 1 + next(
    step.number
    for step in opened().recording.steps
    if step.target == "vma#1.vm_start" and step.kind == "write"
)


def marked(path: str, text: str, which: int = 1) -> str:
    """The `which`th line with this text, as a code pane shows it when it is current."""
    source = (Path(kmm.__file__).parent / path).read_text(encoding="utf-8")
    numbers = [n for n, line in enumerate(source.splitlines(), 1) if line == text]
    return f"> {numbers[which - 1]:4} {text}"


def stepper(pilot: Pilot[None]) -> Stepper:
    (found,) = (s for s in pilot.app.screen_stack if isinstance(s, Stepper))
    return found


def session_of(pilot: Pilot[None]) -> Session:
    return stepper(pilot).session


def shown(pilot: Pilot[None], pane: str) -> str:
    found = stepper(pilot).query_one(f"#{pane}", Pane)
    return "\n".join(row.plain for row in found.rows)


def displayed(pilot: Pilot[None]) -> list[str]:
    return [p for p in PANES if stepper(pilot).query_one(f"#{p}").display]


# Stepping.


@SIZES
def test_the_first_screen_tells_a_newcomer_what_to_press(size: tuple[int, int]) -> None:
    async def steps(pilot: Pilot[None]) -> None:
        await sees(
            pilot,
            "exec-stack on kernel 2.6.34",
            find_race("exec-stack").asks,
            "Press space to step",
            f"step 0 of {LAST}",
            marked("mm/tlb.py", FIRST_LINE).partition("(prev")[0],
        )

    run(steps, size)


@SIZES
def test_steps_go_forward_and_back(size: tuple[int, int]) -> None:
    async def steps(pilot: Pilot[None]) -> None:
        session = session_of(pilot)
        await press(pilot, "space", "n", "l", "right")
        await eventually(lambda: session.at == 4)
        await press(pilot, "p", "h", "left")
        await eventually(lambda: session.at == 1)
        await sees(pilot, f"step 1 of {LAST}", "takes zone DMA.lru_lock")

    run(steps, size)


def test_brackets_go_from_event_to_event_and_home_and_end_to_the_ends() -> None:
    async def steps(pilot: Pilot[None]) -> None:
        session = session_of(pilot)
        await press(pilot, "right_square_bracket")
        await eventually(lambda: session.at > 1)
        first = session.at
        await press(pilot, "right_square_bracket")
        await eventually(lambda: session.at > first)
        await press(pilot, "left_square_bracket")
        await eventually(lambda: session.at == first)
        await press(pilot, "home")
        await eventually(lambda: session.at == 0)
        await press(pilot, "end")
        await eventually(lambda: session.at == session.last)

    run(steps)


def test_a_step_can_be_gone_to_by_its_number() -> None:
    async def steps(pilot: Pilot[None]) -> None:
        session = session_of(pilot)

        async def answer(*keys: str) -> None:
            await press(pilot, "G")
            await on_top(pilot, GoTo, f"from 0 to {LAST}")
            await press(pilot, *keys)
            await on_top(pilot, Stepper)

        await answer("4", "7", "enter")
        # The answer is heard a moment after the box has gone.
        await eventually(lambda: session.at == 47)
        await answer("escape")
        assert session.at == 47
        await answer("enter")
        assert session.at == 47
        stepper(pilot).action_go_to()
        await on_top(pilot, GoTo, f"from 0 to {LAST}")
        await press(pilot, "9", "9", "9", "enter")
        await on_top(pilot, Oops)
        await eventually(lambda: session.at == session.last)

    run(steps)


@SIZES
def test_every_pane_shows_the_moment_when_the_stack_has_moved(
    size: tuple[int, int],
) -> None:
    async def steps(pilot: Pilot[None]) -> None:
        stepper(pilot).go(MOVED)
        await sees(pilot, "* vma#1.vm_start  0x7fffffffe000 -> 0x7fffffff8000")
        expected = {
            "code0": marked(
                "designs/pte_peek/p1_locked.py", "    async with pte_lockptr(vma.mm):"
            ),
            "code1": marked(
                "mm/vma.py",
                "    await write_once(vma, VMA.vm_end, change.end)",
            )[:50],  # as much as there is room for
            "memory": "no walk looks here",
            "locks": "PG_locked of page 0xc  compact:3977",
            "log": "store_bounds(): vma#1.vm_start",
        }
        for number, (pane, text) in enumerate(expected.items(), start=1):
            await press(pilot, str(number))
            found = stepper(pilot).query_one(f"#{pane}")
            await eventually(lambda found=found: found.has_focus)  # type: ignore[misc]
            await sees(pilot, text)

    run(steps, size)


@SIZES
def test_nothing_is_too_wide_and_the_current_lines_are_in_sight(
    size: tuple[int, int],
) -> None:
    async def steps(pilot: Pilot[None]) -> None:
        for moment in (0, 24, 35, 47, 65, 78, 105):
            stepper(pilot).go(moment)
            await sees(pilot, f"step {moment} of {LAST}")
            for pane in stepper(pilot).query(Pane):
                assert all(row.cell_length <= pane.room for row in pane.rows)
            for pane in stepper(pilot).query(CodePane):
                view = pane.view
                if view is not None and view.next_line is not None:
                    await sees(pilot, f">{view.next_line:5} ")

    run(steps, size)


def test_large_screens_show_all_panes_and_small_ones_have_tabs() -> None:
    async def large(pilot: Pilot[None]) -> None:
        assert displayed(pilot) == list(PANES)

    async def small(pilot: Pilot[None]) -> None:
        assert displayed(pilot) == ["code0", "code1"]
        await press(pilot, "3")
        await sees(pilot, "[memory]")
        assert displayed(pilot) == ["memory", "locks"]
        await press(pilot, "5")
        await sees(pilot, "[log]")
        assert displayed(pilot) == ["log"]
        await press(pilot, "tab")
        await sees(pilot, "[code]")
        assert displayed(pilot) == ["code0", "code1"]
        await press(pilot, "shift+tab")
        await sees(pilot, "[log]")
        await pilot.click("TabLine", offset=(10, 0))
        await sees(pilot, "[memory]")

    run(large, LARGE)
    run(small, SMALL)


def test_a_pane_can_be_zoomed_and_all_come_back() -> None:
    async def steps(pilot: Pilot[None]) -> None:
        await press(pilot, "4", "z")
        await eventually(lambda: displayed(pilot) == ["locks"])
        await press(pilot, "3")
        await eventually(lambda: displayed(pilot) == ["memory"])
        await press(pilot, "escape")
        await eventually(lambda: displayed(pilot) == list(PANES))

    run(steps, LARGE)


@SIZES
def test_the_files_of_proc_can_be_read_at_any_moment(size: tuple[int, int]) -> None:
    async def steps(pilot: Pilot[None]) -> None:
        stepper(pilot).go(9)
        await press(pilot, "F")
        await on_top(pilot, Files, "/proc and /sys after step 9", "/proc/buddyinfo")
        await sees(pilot, "$ cat /proc/buddyinfo", "Node 0, zone")
        await press(pilot, "j")
        await sees(pilot, "$ cat /proc/meminfo", "MemTotal:")
        await press(pilot, "end")
        await sees(pilot, "$ cat /sys/kernel/mm/ksm")
        await press(pilot, "escape")
        await on_top(pilot, Stepper, "step 9")

    run(steps, size)


# The failure.


@SIZES
def test_the_oops_opens_at_the_failing_step_and_undo_goes_back_one(
    size: tuple[int, int],
) -> None:
    async def steps(pilot: Pilot[None]) -> None:
        session = session_of(pilot)
        stepper(pilot).go(session.last - 1)
        await press(pilot, "space")
        await on_top(
            pilot,
            Oops,
            "kernel BUG at include/linux/swapops.h:105!",
            "note: date[4021] exited with its locks held",
            "undo the last step",
        )
        await press(pilot, "u")
        await on_top(pilot, Stepper, f"step {LAST - 1} of {LAST}")

    run(steps, size)


def test_the_oops_leads_to_the_drawing_and_to_other_kernels() -> None:
    async def steps(pilot: Pilot[None]) -> None:
        await press(pilot, "end")
        await on_top(pilot, Oops)
        await press(pilot, "d")
        await on_top(pilot, Drawing, "try_to_unmap_one")
        await press(pilot, "escape")
        await on_top(pilot, Stepper)
        await press(pilot, "o")
        await on_top(pilot, Oops)
        await press(pilot, "k")
        await on_top(pilot, Kernels)
        await press(pilot, "escape")
        await on_top(pilot, Stepper)
        assert session_of(pilot).is_at_failure

    run(steps)


def test_a_run_that_ends_well_has_no_oops() -> None:
    async def steps(pilot: Pilot[None]) -> None:
        await press(pilot, "end")
        await sees(pilot, "The run is over, and nothing failed.")
        await press(pilot, "o")
        await sees(pilot, "This run does not fail.")

    run(steps, SMALL, opened("v6"))


# Other kernels.


@SIZES
def test_another_kernel_is_chosen_from_a_list_and_runs_the_same_schedule(
    size: tuple[int, int],
) -> None:
    async def steps(pilot: Pilot[None]) -> None:
        session = session_of(pilot)
        stepper(pilot).go(100)
        await press(pilot, "k")
        await on_top(pilot, Kernels, ">* 2.6.34  Linux 2.6.34")
        await press(pilot, "j", "down", "j", "j", "j")
        await sees(pilot, ">  v6 ", " * 2.6.34")
        await press(pilot, "enter")
        await on_top(pilot, Stepper, "on kernel v6", "Up to here all is as on 2.6.34")
        assert session.kernel.name == "v6"
        assert session.fit is not None
        assert session.at == session.fit.alike

    run(steps, size)


def test_whoever_stands_before_the_parting_is_told_where_it_is() -> None:
    async def steps(pilot: Pilot[None]) -> None:
        stepper(pilot).go(5)
        await press(pilot, "k")
        await on_top(pilot, Kernels, ">* 2.6.34")
        await press(pilot, *"jjjjj", "enter")
        await on_top(pilot, Stepper, "The same schedule on v6", "step 5 of ")

    run(steps, LARGE)


def test_a_single_answer_is_chosen_from_the_same_list() -> None:
    async def steps(pilot: Pilot[None]) -> None:
        await press(pilot, "k")
        await on_top(pilot, Kernels, ">* 2.6.34")
        await press(pilot, "end", "up", "up", "up", "up", "up", "enter")
        await on_top(pilot, Stepper, "on kernel 2.6.34,pte-peek=unlocked")

    run(steps)


def test_restart_returns_to_the_kernels_first_run() -> None:
    async def steps(pilot: Pilot[None]) -> None:
        session = session_of(pilot)
        session.switch(find_kernel("v6"))
        await press(pilot, "r")
        await sees(pilot, "the threads go one after the other; it ends well.")
        assert (session.at, session.fit) == (0, None)

    run(steps)


# Searches.


@SIZES
def test_a_search_finds_the_bug_and_shows_it(size: tuple[int, int]) -> None:
    session = evolve(opened(), at=9)
    witness = hunt(session.race, session.kernel, SourceDpor()).recording
    assert witness is not None
    found = len(witness.steps)

    async def steps(pilot: Pilot[None]) -> None:
        await press(pilot, "s")
        await on_top(pilot, Search, "Sometimes: execution 9", "store_bounds")
        assert f"{found} steps, 3 context switches" in words(pilot)
        await press(pilot, "enter")
        await on_top(pilot, Stepper, f"step 0 of {found}")
        assert session.origin == "the failing run that the search found"

    run(steps, size, session)


def test_a_witness_is_said_to_be_as_short_as_can_be_only_if_it_is() -> None:
    session = opened()
    played = hunt(session.race, session.kernel, SourceDpor())
    assert played.is_least
    assert " As short as can be, it takes " in outcome(played, 80)[0].text
    shorter = evolve(played, is_least=False)
    assert " Shortened, it takes " in outcome(shorter, 80)[0].text


@SIZES
def test_a_search_proves_a_fixed_kernel_and_says_within_which_bounds(
    size: tuple[int, int],
) -> None:
    async def steps(pilot: Pilot[None]) -> None:
        await press(pilot, "s")
        await on_top(pilot, Search, "Never: proved by 262 executions", "esc close")
        assert "2 threads, 2 CPUs, 16 page frames" in words(pilot)
        assert "step through it" not in picture(pilot)
        await press(pilot, "enter", "escape")
        await on_top(pilot, Stepper)

    run(steps, size, opened("2.6.35"))


def test_a_search_shows_how_far_it_is_and_can_be_stopped() -> None:
    race = find_race("exec-stack")
    race = evolve(race, config=evolve(race.config, migrate_passes=3))
    session = open_session(race, find_kernel("v6"))

    async def steps(pilot: Pilot[None]) -> None:
        await press(pilot, "s")
        await on_top(pilot, Search, "executions so far, none failed", "esc stop")
        await press(pilot, "escape")
        await sees(pilot, "Not seen: interrupted after", "esc close")
        assert "this is no proof" in words(pilot)
        await press(pilot, "escape")
        await on_top(pilot, Stepper)

    run(steps, SMALL, session)


def test_leaving_ends_a_search() -> None:
    race = find_race("exec-stack")
    race = evolve(race, config=evolve(race.config, migrate_passes=3))
    session = open_session(race, find_kernel("v6"))

    async def steps(pilot: Pilot[None]) -> None:
        await press(pilot, "s")
        await on_top(pilot, Search, "executions so far")

    run(steps, SMALL, session)


# The rest.


def test_the_schedule_can_be_copied() -> None:
    async def steps(pilot: Pilot[None]) -> None:
        await press(pilot, "y")
        token = str(session_of(pilot).moment_token)
        await sees(pilot, "This moment was copied", token[:24])
        assert pilot.app.clipboard == token

    run(steps)


@SIZES
def test_help_names_every_key_and_explains_the_words(size: tuple[int, int]) -> None:
    async def steps(pilot: Pilot[None]) -> None:
        await press(pilot, "question_mark")
        await on_top(pilot, Help, "one step forward")
        text = words(pilot)
        assert all(key.shown in text and key.help in text for key in KEYS)
        assert "migration entry" in text
        await press(pilot, "f1")
        await on_top(pilot, Stepper)

    run(steps, size)


def test_the_footer_has_at_most_six_entries_and_leaving_is_one() -> None:
    async def steps(pilot: Pilot[None]) -> None:
        await sees(pilot, "q leave")
        footer = stepper(pilot).query_one(Footer)
        labels = [str(label.render()) for label in footer.query(FooterLabel)]
        labels += [k.description for k in footer.query(FooterKey) if k.description]
        assert sorted(labels) == ["event", "help", "kernel", "leave", "search", "step"]

    run(steps)


def test_every_key_has_an_id_that_a_keymap_can_name() -> None:
    async def steps(pilot: Pilot[None]) -> None:
        pilot.app.set_keymap({"step.forward": "x"})
        await press(pilot, "space", "x")
        await eventually(lambda: session_of(pilot).at == 1)

    assert len({key.id for key in KEYS}) == len(KEYS)
    run(steps)


def test_q_leaves_with_exit_code_0() -> None:
    app = KmmApp(opened())

    async def main() -> None:
        async with app.run_test(size=SMALL) as pilot:
            await press(pilot, "q")
            await eventually(lambda: app.return_code is not None)

    asyncio.run(main())
    assert app.return_code == 0


@pytest.mark.parametrize("size", [(59, 24), (80, 19), (20, 5)])
def test_a_terminal_that_is_too_small_is_told_so(size: tuple[int, int]) -> None:
    async def steps(pilot: Pilot[None]) -> None:
        await sees(pilot, "kmm needs a")
        assert "step 0" not in picture(pilot)
        await pilot.resize_terminal(*SMALL)
        await sees(pilot, f"step 0 of {LAST}")

    run(steps, size)


@pytest.mark.parametrize("colours", [True, False])
def test_colours_can_be_light_or_dark_or_none(
    monkeypatch: pytest.MonkeyPatch, colours: bool
) -> None:
    async def steps(pilot: Pilot[None]) -> None:
        app = pilot.app
        assert isinstance(app, KmmApp)
        assert app.current_theme.dark
        app.turn()
        first = marked("mm/tlb.py", FIRST_LINE)
        await sees(pilot, first)
        assert not app.current_theme.dark

    if colours:
        monkeypatch.delenv("NO_COLOR", raising=False)
    else:
        monkeypatch.setenv("NO_COLOR", "1")
    run(steps)


def test_the_palette_offers_every_command() -> None:
    async def steps(pilot: Pilot[None]) -> None:
        commands = pilot.app.get_system_commands(stepper(pilot))
        titles = [command.title for command in commands]
        assert {"One step forward", "Light or dark", "Quit"} <= set(titles)

    run(steps)


class Broken(Session):
    """A session that cannot find events."""

    def next_event(self) -> int:
        raise RuntimeError("a bug of the screen")


def test_a_crash_leaves_a_report_and_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    whole = opened()
    session = Broken(
        whole.race,
        whole.kernel,
        whole.recording,
        whole.origin,
        whole.schedule,
        whole.schedule_of,
    )
    app = KmmApp(session)

    async def main() -> None:
        async with app.run_test(size=SMALL) as pilot:
            await press(pilot, "right_square_bracket")
            await eventually(lambda: app.return_code is not None)

    with pytest.raises(RuntimeError, match="a bug of the screen"):
        asyncio.run(main())
    assert app.return_code == CRASHED
    (report,) = (tmp_path / "kmm").iterdir()
    assert "a bug of the screen" in report.read_text(encoding="utf-8")
    said = capsys.readouterr().err
    assert str(report) in said.replace("\n", "")
    assert "Traceback" not in said
