from __future__ import annotations

import re

import pytest
from report.runs import BUG_LINE, deadlocked, failed, hunted, recorded, single

from kmm.report.oops import CUT_HERE, oops


@pytest.fixture(scope="module")
def console() -> list[str]:
    played = hunted("2.6.34")
    return oops(recorded(played), played.kernel.name).splitlines()


def test_the_bug_has_the_exact_line_of_the_kernel(console: list[str]) -> None:
    assert console.count(BUG_LINE) == 1
    assert console[console.index(BUG_LINE) - 1] == CUT_HERE


def test_the_oops_says_on_which_cpu_and_in_which_process(console: list[str]) -> None:
    assert "CPU 1" in console
    assert "Pid: 4021, comm: date Not tainted 2.6.34" in console


def test_the_call_trace_leads_from_the_bug_to_the_system_call(
    console: list[str],
) -> None:
    assert "RIP: migration_entry_to_page" in "\n".join(console)
    trace = console[console.index("Call Trace:") + 1 : -1]
    functions = [line.split()[0] for line in trace]
    assert functions[0] == "migration_entry_wait"
    assert functions[-1] == "execve"
    assert functions.index("handle_mm_fault") < functions.index("do_page_fault")


def test_each_frame_of_the_trace_is_where_the_source_says(console: list[str]) -> None:
    trace = console[console.index("Call Trace:") + 1 : -1]
    for line in trace:
        place = re.fullmatch(r" \w+ +(kmm/\w+/\w+\.py):([1-9]\d*)", line)
        assert place, line
        assert not place[1].startswith(("kmm/sim/", "kmm/hw/"))


def test_the_kernel_in_the_oops_is_the_one_that_was_run() -> None:
    played = hunted("v4")
    text = oops(recorded(played), played.kernel.name)
    assert "Not tainted v4" in text


def test_a_run_that_did_not_fail_has_no_oops() -> None:
    assert oops(recorded(single())) == ""


def test_a_deadlock_says_who_waits_for_what_and_who_holds_it() -> None:
    text = oops(deadlocked())
    assert text.startswith("INFO: task a:1 blocked for more than 120 seconds.")
    assert " a:1 waits for two, held by b:2" in text.splitlines()
    assert " b:2 waits for one, held by a:1" in text.splitlines()
    assert CUT_HERE not in text


def test_the_details_of_a_bug_stand_below_it() -> None:
    text = oops(failed("bug_on", "kernel BUG at mm/rmap.c:1!", "page 0x5 is free"))
    assert " page 0x5 is free" in text.splitlines()


def test_a_failure_outside_any_function_has_no_call_trace() -> None:
    text = oops(failed("leak", "page 0x5 leaked", trace=0))
    assert text == "page 0x5 leaked"
