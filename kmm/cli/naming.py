"""The race, the kernel and the costs that are named on the command line."""

from __future__ import annotations

import os
from argparse import Namespace
from pathlib import Path

from attrs import evolve

from ..designs import KernelSpec, UnknownName, parse_kernel
from ..scenarios import Race, find_race
from ..scenarios.found import BrokenPlugin
from ..workloads.cycles import BadCosts, table_from, usual_table
from ..workloads.cycles import Table as Costs
from .exits import Usage


def chosen(options: Namespace) -> tuple[Race, KernelSpec]:
    """The race and the kernel that the options name."""
    name = f"{options.race}:{options.trigger}" if options.trigger else options.race
    race = evolve(race_named(name), checked=options.check)
    try:
        kernel = with_answers(parse_kernel(options.kernel), options.design)
    except UnknownName as error:
        raise Usage(str(error)) from None
    return race, kernel


def with_answers(kernel: KernelSpec, pairs: list[str]) -> KernelSpec:
    """The kernel with what --design says.  Raises UnknownName and Usage."""
    for pair in pairs:
        question, equals, answer = pair.partition("=")
        if not equals:
            raise Usage(f"--design takes QUESTION=ANSWER, not {pair!r}")
        kernel = kernel.with_answer(question, answer)
    return kernel


def race_named(name: str) -> Race:
    try:
        return find_race(name)
    except (UnknownName, BrokenPlugin) as error:
        raise Usage(str(error)) from None


def kernel_named(name: str, pairs: list[str]) -> KernelSpec:
    """A kernel, with what --design says.  Raises Usage."""
    try:
        return with_answers(parse_kernel(name), pairs)
    except UnknownName as error:
        raise Usage(str(error)) from None


def costs_of(file: str | None) -> Costs:
    """What things cost: the table of a file, or kmm's own.  Raises Usage."""
    if file is None:
        return usual_table()
    try:
        return table_from(Path(file))
    except BadCosts as error:
        raise Usage(str(error)) from None
    except OSError as error:
        why = os.strerror(error.errno) if error.errno else str(error)
        raise Usage(f"cannot read {file!r}: {why}") from None
