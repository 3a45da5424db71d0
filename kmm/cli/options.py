"""The command line: the commands, the options of each, and their examples."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from typing import NoReturn

from .. import __version__
from .exits import Usage

DESCRIPTION = """\
How Linux moved memory under running programs in 2010, and why doing so raced.

Without a command, kmm opens its screen.
"""
EPILOG = """\
examples:
  kmm hunt exec-stack --kernel vanilla    see the kernel BUG of 2010 happen
  kmm prove exec-stack --kernel v6        see a fix hold over every interleaving
  kmm diff vanilla v6                     see what the fix changes

exit codes:
  0 no failure found   1 a failure was found   2 bad input   130 interrupted
"""
COMMANDS = {
    "list": "what there is: races, designs, kernels",
    "run": "one run of a race",
    "hunt": "search for a run that fails, and show it",
    "prove": "cover every interleaving within the bounds",
    "replay": "make a run again from its schedule",
    "diff": "the functions in which two kernels or designs differ",
    "matrix": "every race on every kernel: who loses to what",
    "cost": "what each answer costs: locks taken, VMAs visited",
    "bench": "two kernels side by side, in the form of the letter's tables",
    "stress": "the letter's reproduction recipe, in virtual time",
    "proc": "the files of /proc and /sys, at one moment of a run",
    "mmu": "the hardware alone: walk an address, decode an entry",
    "conform": "hold the model against recorded hardware and kernels",
}


class Parser(argparse.ArgumentParser):
    """A parser whose complaints are one line, and whose help fits 80 columns."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, formatter_class=Help, allow_abbrev=False)

    def error(self, message: str) -> NoReturn:
        raise Usage(f"{message} (see {self.prog} --help)")


class Help(argparse.RawDescriptionHelpFormatter):
    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=79)  # to ask how wide it is takes time


def make_parser(argv: Sequence[str]) -> Parser:
    """The parser for `argv`.

    The options of some commands need names from the rooms below, which cost an import
    of the model; so they are added only for a command that is on the line.
    """
    parser = Parser("kmm")
    parser.description, parser.epilog = DESCRIPTION, EPILOG
    parser.add_argument(
        "--version",
        action="version",
        version=f"kmm {__version__}",
        help="print the version",
    )
    add_common(parser)
    parser.set_defaults(no_color=False, quiet=False, verbose=False)
    commands = parser.add_subparsers(
        dest="command", metavar="COMMAND", title="commands", prog="kmm"
    )
    for name, summary in COMMANDS.items():
        command = commands.add_parser(name, help=summary)
        if name in argv:
            ADD[name](command)
            add_common(command)
    return parser


def add_common(parser: argparse.ArgumentParser) -> None:
    """Options that may stand before or after the command."""
    # No default: what was said before the command must not be unsaid after it.
    parser.add_argument(
        "--no-color",
        action="store_true",
        default=argparse.SUPPRESS,
        help="no colours; so does NO_COLOR in the environment",
    )
    parser.add_argument(
        "-q",
        "--quiet",
        action="store_true",
        default=argparse.SUPPRESS,
        help="show no progress",
    )
    parser.add_argument(
        "-v",
        "--verbose",
        action="store_true",
        default=argparse.SUPPRESS,
        help="tell the stories too, and more about a search",
    )


def add_list(parser: argparse.ArgumentParser) -> None:
    from ..report.listing import KINDS

    parser.description = "What there is; with -v, what is known about each."
    parser.add_argument(
        "kind",
        nargs="?",
        choices=KINDS,
        metavar="KIND",
        help=f"one of {', '.join(KINDS)}",
    )
    add_json(parser)
    parser.epilog = (
        "examples:\n"
        "  kmm list\n"
        "  kmm list designs -v     who proposed each, what it closes and costs\n\n"
        "exit code: 0"
    )


def add_run(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Make one run of a race and draw it: one lane a CPU, the steps in which the\n"
        "CPUs meet.  One run rarely fails; `kmm hunt` searches for one that does."
    )
    add_race(parser)
    parser.add_argument(
        "--strategy",
        choices=("round-robin", "random"),
        metavar="NAME",
        help="who goes on at each step: round-robin, or random (the default with "
        "--seed)",
    )
    add_seed(parser)
    add_json(parser)
    add_output(parser)
    parser.epilog = (
        "examples:\n"
        "  kmm run exec-stack --kernel v6\n"
        "  kmm run exec-stack --seed 3\n\n"
        "exit code: 0 if the run went well, 1 if it failed"
    )


def add_hunt(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Search the runs of a race for one that fails.  The first found is made as\n"
        "short as can be, and shown: the oops, the steps that led to it, and the\n"
        "schedule that makes the same run again."
    )
    add_race(parser)
    add_strategy(
        parser,
        (
            *("portfolio", "dpor", "merging", "preemptions", "delays"),
            *("pct", "pos", "surw", "random", "enumeration"),
        ),
    )
    add_seed(parser)
    add_budget(parser)
    add_sharing(parser)
    add_strict(parser)
    add_json(parser)
    add_output(parser)
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
    add_race(parser)
    add_strategy(parser, ("dpor", "merging", "preemptions", "delays", "enumeration"))
    add_seed(parser)
    add_budget(parser)
    add_sharing(parser)
    add_strict(parser)
    add_json(parser)
    add_output(parser)
    parser.epilog = (
        "examples:\n"
        "  kmm prove exec-stack --kernel v6\n"
        "  kmm prove exec-stack --kernel v6 --design pte-peek=unlocked\n"
        "  kmm prove stack-growth --kernel v6 --workers 2\n\n"
        "exit code: 0 if no run failed, 1 if one did, 130 if interrupted; only the\n"
        "word `proved` means proved"
    )


def add_replay(parser: argparse.ArgumentParser) -> None:
    from ..report.export import EXPORTS

    parser.description = (
        "Make a run again from its schedule, and check that it is the same run."
    )
    parser.add_argument(
        "schedule",
        metavar="SCHEDULE|FILE",
        help="as `kmm hunt` prints it, or a file that it wrote; - reads standard input",
    )
    form = parser.add_mutually_exclusive_group()
    form.add_argument(
        "--step", action="store_true", help="print every step, a line each"
    )
    form.add_argument(
        "--export", choices=EXPORTS, metavar="FORMAT", help=f"{', '.join(EXPORTS)}"
    )
    add_json(form)
    add_check(parser)
    add_output(parser)
    parser.epilog = (
        "examples:\n"
        "  kmm replay witness.json --step\n"
        "  kmm replay witness.json --export mermaid -o race.mmd\n\n"
        "exit code: 1 if the run fails, 0 if it does not, 2 if the schedule does not\n"
        "fit"
    )


def add_diff(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "The functions in which two kernels or two designs differ, whole, with - \n"
        "before the lines of the first and + before those of the second."
    )
    parser.add_argument("a", metavar="A", help="a kernel, or a design")
    parser.add_argument("b", metavar="B", help="another")
    add_json(parser)
    parser.epilog = (
        "examples:\n"
        "  kmm diff vanilla v6\n"
        "  kmm diff temporary-vma skip-temporary -v     with their stories\n\n"
        "exit code: 0"
    )


def add_proc(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "A file of /proc or /sys as it would read at one moment of a run: that before\n"
        "step N, or the end.  Without a schedule it is the start of a race; without\n"
        "PATH, the files that there are."
    )
    parser.add_argument("path", nargs="?", metavar="PATH", help="as in /proc/vmstat")
    parser.add_argument(
        "schedule",
        nargs="?",
        metavar="SCHEDULE|FILE",
        help="as `kmm hunt` prints it, or a file that it wrote; - reads standard input",
    )
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


def add_mmu(parser: argparse.ArgumentParser) -> None:
    parser.description = "The page walk of an x86 CPU, by itself."
    parser.epilog = (
        "examples:\n"
        "  kmm mmu walk\n"
        "  kmm mmu decode 8000000000005067 --level pte\n\n"
        "see also: kmm mmu walk --help, kmm mmu decode --help\n\n"
        "exit code: 0, also for an access that faults; 2 for bad input"
    )
    kinds = parser.add_subparsers(
        dest="what", metavar="WHAT", required=True, prog="kmm mmu"
    )
    walk = kinds.add_parser("walk", help="walk the page tables for an address")
    decode = kinds.add_parser("decode", help="one entry, bit by bit")
    for command, add in ((walk, add_mmu_walk), (decode, add_mmu_decode)):
        add(command)
        add_common(command)


def add_mmu_walk(parser: argparse.ArgumentParser) -> None:
    from ..conform.examples import EXAMPLES

    parser.description = (
        "Walk the page tables for ADDRESS as the MMU does, entry by entry, and say\n"
        "where it leads or why it faults.  The tables come from an example, or from a\n"
        "file: JSON with the keys mode, cr0, cr3, cr4, efer, ac, cpl, access, vaddr\n"
        "and mem (address of an entry: its value), all but cr3 and mem optional,\n"
        "numbers in text being hexadecimal.  Options go before what a file says."
    )
    parser.add_argument(
        "address",
        nargs="?",
        metavar="ADDRESS",
        type=hexadecimal,
        help="hexadecimal (default: the example's, or the file's vaddr)",
    )
    source = parser.add_mutually_exclusive_group()
    source.add_argument(
        "--memory", metavar="FILE", help="tables and registers; - reads standard input"
    )
    source.add_argument(
        "--example", choices=EXAMPLES, metavar="NAME", help=f"{', '.join(EXAMPLES)}"
    )
    what = parser.add_mutually_exclusive_group()
    for name, letter in (("read", "r"), ("write", "w"), ("fetch", "x")):
        what.add_argument(
            f"--{name}", dest="access", action="store_const", const=letter
        )
    who = parser.add_mutually_exclusive_group()
    who.add_argument("--user", dest="cpl", action="store_const", const=3)
    who.add_argument("--supervisor", dest="cpl", action="store_const", const=0)
    parser.add_argument("--mode", choices=MODES, metavar="MODE", help="long, pae or 32")
    parser.add_argument("--cr3", type=hexadecimal, metavar="HEX")
    for bit, told in (
        ("wp", "CR0.WP: the supervisor respects read-only pages"),
        ("nxe", "EFER.NXE: XD is honoured"),
        ("smep", "CR4.SMEP: the supervisor runs no user page's code"),
        ("smap", "CR4.SMAP: the supervisor touches no user page"),
        ("ac", "EFLAGS.AC: it means to"),
    ):
        parser.add_argument(
            f"--{bit}", action=argparse.BooleanOptionalAction, help=told
        )
    add_maxphyaddr(parser)
    add_json(parser)
    parser.epilog = (
        "examples:\n"
        "  kmm mmu walk --example read-only\n"
        "  kmm mmu walk 7fffffffe123 --write --supervisor --no-wp\n"
        "  kmm mmu walk --memory tables.json ffff880000001000 --fetch\n\n"
        "exit code: 0, also for an access that faults; 2 for bad input"
    )


def add_mmu_decode(parser: argparse.ArgumentParser) -> None:
    parser.description = "The bits of a page-table entry, and what they mean."
    parser.add_argument("entry", metavar="ENTRY", type=hexadecimal, help="hexadecimal")
    parser.add_argument(
        "--level",
        default="pte",
        metavar="LEVEL",
        help="pml4e, pdpte, pde or pte; Linux's pgd, pud and pmd will do, and 4 to 1 "
        "(default: %(default)s)",
    )
    parser.add_argument(
        "--mode",
        default="long",
        choices=MODES,
        metavar="MODE",
        help="long, pae or 32 (default: %(default)s)",
    )
    parser.add_argument(
        "--nxe",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="EFER.NXE: XD is honoured",
    )
    add_maxphyaddr(parser)
    add_json(parser)
    parser.epilog = (
        "examples:\n"
        "  kmm mmu decode 8000000000005067\n"
        "  kmm mmu decode c061e3 --level pde --mode 32\n"
        "  kmm mmu decode a3e                 a migration entry\n\n"
        "exit code: 0"
    )


MODES = ("long", "pae", "32")


def add_maxphyaddr(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--maxphyaddr",
        type=physical_bits,
        default=40,
        metavar="N",
        help="bits of a physical address, 32 to 52 (default: %(default)s)",
    )


def add_conform(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Hold the model against recorded cases: what x86 emulators and Linux kernels\n"
        "did.  What a file holds is seen from its content (JSON, plain or gzipped)."
    )
    parser.add_argument(
        "files",
        nargs="+",
        metavar="FILE",
        help="recorded cases; - reads standard input",
    )
    add_json(parser)
    parser.epilog = (
        "example:\n"
        "  kmm conform walks.json.gz     some are in tests/conform/data\n\n"
        "exit code: 0 if nothing differs, 1 if something does, 130 if interrupted"
    )


def add_matrix(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Search every race on every kernel, to a failure or to a proof, and print\n"
        "the table.  Cells that are known from before, of the same model, are not\n"
        "searched again; how many those are is said below the table."
    )
    for name, what in (("race", "races"), ("kernel", "kernels")):
        parser.add_argument(
            f"--{name}",
            action="append",
            metavar="NAME",
            help=f"only this one (may be repeated); see `kmm list {what}`",
        )
    parser.add_argument(
        "--budget",
        type=whole_number,
        metavar="N",
        help="leave a cell open after N executions (default: 200,000)",
    )
    parser.add_argument(
        "--seconds",
        type=positive_number,
        metavar="S",
        help="leave a cell open after S seconds",
    )
    add_workers(parser)
    known = parser.add_mutually_exclusive_group()
    known.add_argument(
        "--no-cache", action="store_true", help="neither use nor keep what is known"
    )
    known.add_argument(
        "--fresh", action="store_true", help="search all cells, and keep the result"
    )
    form = parser.add_mutually_exclusive_group()
    add_json(form)
    form.add_argument("--markdown", action="store_true", help="a table for a document")
    add_output(parser)
    parser.epilog = (
        "examples:\n"
        "  kmm matrix\n"
        "  kmm matrix --race boundary-shift-child --kernel v6 --kernel 2.6.36\n\n"
        "exit code: 0 if the table is complete, 130 if interrupted"
    )


def add_workers(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--workers",
        type=whole_number,
        metavar="N",
        help="processes that search (default: one for each CPU)",
    )


def add_sharing(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--workers",
        type=whole_number,
        metavar="N",
        help="processes that share the search by dpor; its outcome is the same for any "
        "number",
    )


def add_cost(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Count what each answer to a question costs: for rmap-walk, locks taken and\n"
        "VMAs visited as a family of processes grows; for exec-stack, steps, locks\n"
        "and structures in one exec.  Everything is counted, nothing is timed."
    )
    parser.add_argument(
        "question",
        nargs="?",
        choices=("rmap-walk", "exec-stack"),
        metavar="QUESTION",
        help="rmap-walk or exec-stack (default: both)",
    )
    parser.add_argument(
        "--most",
        type=whole_number,
        default=1000,
        metavar="N",
        help="the largest family, in processes (default: %(default)s)",
    )
    parser.add_argument("--plot", action="store_true", help="draw bars too")
    add_json(parser)
    parser.epilog = (
        "examples:\n"
        "  kmm cost exec-stack\n"
        "  kmm cost rmap-walk --most 100 --plot\n\n"
        "exit code: 0"
    )


def add_bench(parser: argparse.ArgumentParser) -> None:
    from .bench import add_bench

    add_bench(parser)


def add_stress(parser: argparse.ArgumentParser) -> None:
    from .stress import add_stress

    add_stress(parser)


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


def add_design(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--design",
        action="append",
        default=[],
        metavar="QUESTION=ANSWER",
        help="give the kernel another answer to one question (may be repeated); see "
        "`kmm list designs`",
    )


def add_check(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--check",
        action="store_true",
        help="after every step, see whether all counts, lists and TLBs add up (slow)",
    )


def add_strict(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--strict",
        action="store_true",
        help="data races, and orders of locks that may deadlock, are failures too; "
        "every run is asked (slow)",
    )


def add_strategy(parser: argparse.ArgumentParser, names: tuple[str, ...]) -> None:
    told = {
        "portfolio": "dpor, and after a while preemptions and pos beside it",
        "dpor": "one run for each order that can matter",
        "merging": "no state twice, for many threads that want one lock",
        "preemptions": "runs that interrupt a thread seldom come first",
        "delays": "runs that pass over a thread seldom come first",
        "pct": "by chance, with few switches, without end",
        "pos": "by chance, with priorities for steps, without end",
        "surw": "by chance, even over the orders of one object, without end",
        "random": "by chance, without end",
        "enumeration": "every order, for very small programs",
    }
    parser.add_argument(
        "--strategy",
        default=names[0],
        choices=names,
        metavar="NAME",
        help="; ".join(f"{name}: {told[name]}" for name in names)
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


def add_budget(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--budget", type=whole_number, metavar="N", help="stop after N executions"
    )
    parser.add_argument(
        "--seconds", type=positive_number, metavar="S", help="stop after S seconds"
    )


def add_json(parser: argparse._ActionsContainer) -> None:
    parser.add_argument("--json", action="store_true", help="report as JSON")


def add_output(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "-o", "--output", metavar="FILE", help="write there instead of standard output"
    )


def hexadecimal(text: str) -> int:
    try:
        value = int(text, 16)
    except ValueError:
        value = -1
    if not 0 <= value < 1 << 64 or "_" in text:
        raise argparse.ArgumentTypeError(
            f"{text[:40]!r} is not a hexadecimal number of up to 64 bits"
        )
    return value


def physical_bits(text: str) -> int:
    if text not in map(str, range(32, 53)):
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is not a number from 32 to 52")
    return int(text)


def whole_number(text: str) -> int:
    try:
        value = int(text)
    except ValueError:
        value = 0
    if value <= 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above 0")
    return value


def zero_or_more(text: str) -> int:
    if text == "0":
        return 0
    try:
        return whole_number(text)
    except argparse.ArgumentTypeError:
        message = f"{text!r} is not a whole number from 0 on"
        raise argparse.ArgumentTypeError(message) from None


def positive_number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not value > 0:  # nor is nan
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0")
    return value


ADD: dict[str, Callable[[argparse.ArgumentParser], None]] = {
    "list": add_list,
    "run": add_run,
    "hunt": add_hunt,
    "prove": add_prove,
    "replay": add_replay,
    "diff": add_diff,
    "matrix": add_matrix,
    "cost": add_cost,
    "bench": add_bench,
    "stress": add_stress,
    "proc": add_proc,
    "mmu": add_mmu,
    "conform": add_conform,
}
