"""What is done with one race: run, hunt, prove, replay, and its files of /proc."""

from __future__ import annotations

import argparse

from .common import (
    add_budget,
    add_design,
    add_json,
    add_output,
    add_schedule,
    add_workers,
)
from .values import whole_number, zero_or_more


def add_run(parser: argparse.ArgumentParser) -> None:
    from ..strategies import offered_by

    parser.description = (
        "Make one run of a race and draw it: one lane a CPU, the steps in which the\n"
        "CPUs meet.  One run rarely fails; `kmm hunt` searches for one that does.\n"
        "With --strategy person, you are asked who goes on, at each step."
    )
    add_race(parser)
    parser.add_argument(
        "--strategy",
        choices=offered_by("run"),
        metavar="NAME",
        help="who goes on at each step: round-robin, random (the default with "
        "--seed), or person: you are asked",
    )
    add_seed(parser)
    add_forms(parser)
    add_output(parser)
    parser.epilog = (
        "examples:\n"
        "  kmm run exec-stack --kernel v6\n"
        "  kmm run exec-stack --seed 3\n"
        "  kmm run exec-stack --export perfetto -o run.json\n\n"
        "exit code: 0 if the run went well, 1 if it failed"
    )


def add_hunt(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Search the runs of a race for one that fails.  Of those that fail alike, the\n"
        "one with the fewest switches is shown: the oops, the steps that led to it,\n"
        "and the schedule that makes the same run again."
    )
    add_search(parser, "hunt")
    parser.epilog = (
        "examples:\n"
        "  kmm hunt exec-stack --kernel vanilla\n"
        "  kmm hunt exec-stack --kernel v6 --strategy random --seed 1 --budget 500\n"
        "  kmm hunt exec-stack --json -o witness.json\n\n"
        "exit code: 1 if a run failed, 0 if none did, 130 if interrupted"
    )


def add_prove(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Cover every interleaving of a race, within bounds that are printed.  A run\n"
        "that fails ends it, and is shown as `kmm hunt` shows it."
    )
    add_search(parser, "prove")
    parser.epilog = (
        "examples:\n"
        "  kmm prove exec-stack --kernel v6\n"
        "  kmm prove exec-stack --kernel v6 --design pte-peek=unlocked\n"
        "  kmm prove stack-growth --kernel v6 --workers 2\n\n"
        "exit code: 0 if no run failed, 1 if one did, 130 if interrupted; only the\n"
        "word `proved` means proved"
    )


def add_replay(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Make a run again from its schedule, and check that it is the same run.  A\n"
        "moment of a run (SCHEDULE@N) may stop in the middle of things."
    )
    add_schedule(parser)
    form = parser.add_mutually_exclusive_group()
    form.add_argument(
        "--step", action="store_true", help="print every step, a line each"
    )
    add_forms(parser, form)
    add_check(parser)
    add_output(parser)
    parser.epilog = (
        f"formats of --export (more in docs/exports.md):\n{formats()}\n\n"
        "examples:\n"
        "  kmm replay witness.json --step\n"
        "  kmm replay witness.json --export mermaid -o race.mmd\n"
        "  kmm replay witness.json --export svg --moment 79 -o moment.svg\n\n"
        "exit code: 1 if the run fails, 0 if it does not, 2 if the schedule does not\n"
        "fit"
    )


def formats() -> str:
    """What each is, a line each."""
    from ...report.exports import EXPORTS

    return "\n".join(f"  {name:9} {each.told}" for name, each in EXPORTS.items())


def add_proc(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "A file of /proc or /sys as it would read at one moment of a run: that before\n"
        "step N, or the end.  Without a schedule it is the start of a race; without\n"
        "PATH, the files that there are."
    )
    parser.add_argument("path", nargs="?", metavar="PATH", help="as in /proc/vmstat")
    add_schedule(parser, "?")
    parser.add_argument(
        "--step",
        type=whole_number,
        metavar="N",
        help="the moment before step N, as `kmm replay --step` counts them",
    )
    parser.add_argument(
        "--race", metavar="RACE", help="whose start to show (default: exec-stack)"
    )
    parser.add_argument(
        "--kernel", metavar="NAME", help="on which kernel (default: 2.6.34)"
    )
    add_design(parser)
    add_trigger(parser)
    parser.set_defaults(check=False)
    add_json(parser)
    parser.epilog = (
        "examples:\n"
        "  kmm proc\n"
        "  kmm proc /proc/buddyinfo\n"
        "  kmm proc /proc/4021/smaps witness.json --step 40\n\n"
        "exit code: 0, also if the run fails; 2 if the schedule does not fit, or\n"
        "there is no such file"
    )


def add_search(parser: argparse.ArgumentParser, command: str) -> None:
    """What hunting and proving have in common."""
    add_race(parser)
    add_strategy(parser, command)
    add_seed(parser)
    add_budget(parser)
    add_workers(
        parser,
        "share the search by dpor; its outcome is the same for any number",
    )
    add_strict(parser)
    add_forms(parser)
    add_output(parser)


def add_forms(
    parser: argparse.ArgumentParser,
    form: argparse._MutuallyExclusiveGroup | None = None,
) -> None:
    """How the run that is shown may be written, other than in words."""
    from ...report.exports import EXPORTS

    form = form or parser.add_mutually_exclusive_group()
    add_json(form)
    form.add_argument(
        "--export",
        choices=EXPORTS,
        metavar="FORMAT",
        help=f"the run for another program: {', '.join(EXPORTS)} (see `kmm replay "
        "--help`)",
    )
    parser.add_argument(
        "--moment",
        type=zero_or_more,
        metavar="N",
        help="which moment svg, png and dot show: that after N steps (default: that "
        "of SCHEDULE@N, or the end)",
    )


def add_race(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("race", metavar="RACE", help="see `kmm list races`")
    parser.add_argument(
        "--kernel",
        default="2.6.34",
        metavar="NAME",
        help="see `kmm list kernels` (default: %(default)s)",
    )
    add_design(parser)
    add_trigger(parser)
    add_check(parser)


def add_trigger(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--trigger",
        metavar="NAME",
        help="who makes the page migrate, where a race has more than one who can: "
        "compaction, hot-remove or move_pages",
    )


def add_check(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--check",
        action="store_true",
        help="after every step, see whether all counts, lists and TLBs add up (slow)",
    )


def add_strategy(parser: argparse.ArgumentParser, command: str) -> None:
    """Those that the command offers; the first is the usual one."""
    from ..strategies import STRATEGIES, offered_by

    names = offered_by(command)
    parser.add_argument(
        "--strategy",
        default=names[0],
        choices=names,
        metavar="NAME",
        help="; ".join(f"{name}: {STRATEGIES[name].told}" for name in names)
        + " (default: %(default)s)",
    )
    parser.add_argument(
        "--bound",
        type=zero_or_more,
        metavar="N",
        help="of preemptions, or delays: the most of them in a run (default: as many "
        "as it takes)",
    )


def add_seed(parser: argparse.ArgumentParser) -> None:
    """Taken by every search, and of use to those that leave something to chance."""
    parser.add_argument(
        "--seed", type=int, metavar="N", help="of the strategies that go by chance"
    )


def add_strict(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--strict",
        action="store_true",
        help="data races, and orders of locks that may deadlock, are failures too; "
        "every run is asked (slow)",
    )
