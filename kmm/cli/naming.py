"""The race and the kernel that are named on the command line."""

from __future__ import annotations

from argparse import Namespace

from attrs import evolve

from ..designs import KernelSpec, UnknownName, parse_kernel
from ..scenarios import Race, find_race
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
    except UnknownName as error:
        raise Usage(str(error)) from None
