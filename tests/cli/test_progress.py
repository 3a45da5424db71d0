from __future__ import annotations

import pytest
from cli.running import kmm, pretend_terminal

from kmm.cli import progress
from kmm.cli.main import main
from kmm.cli.progress import Meter
from kmm.sim.estimate import Estimate
from kmm.sim.search import Coverage


@pytest.fixture(autouse=True)
def drawn_at_every_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "REDRAW", 0.0)


def test_progress_says_what_is_done_and_how_much_of_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    terminal = pretend_terminal(monkeypatch, "stderr")
    with Meter("hunting exec-stack", None, quiet=False) as meter:
        meter.update(Coverage(executions=1234))
    assert "hunting exec-stack: 1,234 executions" in terminal.getvalue()


def test_progress_stays_in_its_line_and_is_wiped_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    terminal = pretend_terminal(monkeypatch, "stderr")
    with Meter("hunting", None, quiet=False) as meter:
        meter.update(Coverage(executions=1))
        meter.update(Coverage(executions=2))
    text = terminal.getvalue()
    assert "\n" not in text
    assert text.count("\r") == 3
    assert text.endswith("\r\x1b[K")


def test_a_line_is_never_longer_than_the_terminal_and_numbers_stay_readable(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    terminal = pretend_terminal(monkeypatch, "stderr")
    monkeypatch.setenv("COLUMNS", "80")
    huge = Estimate(1e48, 1e47)
    with Meter("proving a-race", None, quiet=False, guess=lambda: huge) as meter:
        meter.update(Coverage(executions=3349))
        meter.what = "proving a-race-whose-name-is-long:hot-remove"
        meter.update(Coverage(executions=3349))
        meter.look_for_least()
    lines = terminal.getvalue().replace("\x1b[K", "").split("\r")
    assert max(map(len, lines)) < 80
    assert "of about 1e+48 executions" in lines[1]
    assert "left" not in lines[1]


def test_quiet_draws_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = pretend_terminal(monkeypatch, "stderr")
    with Meter("hunting", None, quiet=True) as meter:
        meter.update(Coverage(executions=1))
    assert terminal.getvalue() == ""


def test_a_dumb_terminal_is_not_drawn_on(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = pretend_terminal(monkeypatch, "stderr")
    monkeypatch.setenv("TERM", "dumb")
    with Meter("hunting", None, quiet=False) as meter:
        meter.update(Coverage(executions=1))
    assert terminal.getvalue() == ""


def test_nothing_is_drawn_where_there_is_no_terminal() -> None:
    assert kmm("prove", "exec-stack", "--kernel", "v6").err == ""


def test_the_meter_ends_a_search_when_its_time_is_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [100.0]
    monkeypatch.setattr("time.perf_counter", lambda: now[0])
    meter = Meter("hunting", 5.0, quiet=True)
    assert meter.update(Coverage(executions=1))
    now[0] = 104.9
    assert meter.update(Coverage(executions=2))
    now[0] = 105.0
    assert not meter.update(Coverage(executions=3))


def test_without_a_limit_the_meter_never_ends_a_search(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [0.0]
    monkeypatch.setattr("time.perf_counter", lambda: now[0])
    meter = Meter("hunting", None, quiet=True)
    now[0] = 1e9
    assert meter.update(Coverage(executions=1))


def test_to_look_for_the_least_run_is_said_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    terminal = pretend_terminal(monkeypatch, "stderr")
    assert main(("hunt", "tlb-stale")) == 1
    said = "a run failed; looking for the run with the fewest switches"
    assert said in terminal.getvalue()


def test_what_takes_its_time_says_at_once_that_nothing_is_done_yet(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    terminal = pretend_terminal(monkeypatch, "stderr")
    with Meter("aim9", None, quiet=False, unit="of 14 runs", rate=False) as meter:
        meter.start()
        assert terminal.getvalue() == "\raim9: 0 of 14 runs, 0 s\x1b[K"
