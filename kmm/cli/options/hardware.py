"""The hardware alone, and the model held against recorded behaviour: mmu, conform."""

from __future__ import annotations

import argparse

from .common import add_common, add_json
from .values import hexadecimal, physical_bits

MODES = ("long", "pae", "32")


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
    from ...conform.examples import EXAMPLES

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
