"""What a check asks of a submission that is code.

Each function takes the submission and the check's settings and says what it found.
Bounds are a race's own, and budgets are numbers of executions: no clock is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from attrs import evolve, frozen

from ..designs import parse_kernel
from ..mm.observe import State
from ..report.outcome import plural
from ..scenarios.play import Played, hunt, once, replay
from ..scenarios.race import ScheduleToken
from ..scenarios.watching import Watch, as_failure
from ..sim.machine import Machine
from ..sim.recording import Recording, record
from ..sim.search import Coverage, search
from ..sim.shrink import Wish
from ..sim.strategies import RandomWalk, SourceDpor, Strategy
from ..sim.thread import KThread
from .code import YOURS, Submission, race_for
from .exercise import Check, Finding
from .holding import locks_at

MOST_RUNS = 20_000  # of a proof, if the check says nothing else
MOST_STEPS = 4_000_000  # of all runs of a check together
RANDOM_RUNS = 200
WATCHED_RUNS = 20


def proves(submission: Submission, check: Check) -> Finding:
    """No interleaving of a race fails: every one is made, within the race's bounds."""
    budget = check.settings.get("budget", MOST_RUNS)
    played = searched(submission, check, SourceDpor(), budget)
    if played.verdict == "proved":
        runs = plural(played.coverage.executions, "execution")
        return Finding(
            check.name, True, f"{played.race.name}: proved by {runs}, which are all"
        )
    if played.verdict == "survived":
        return Finding(
            check.name,
            False,
            f"{played.race.name}: not done after "
            f"{plural(played.coverage.executions, 'execution')}, which is the budget; "
            f"a fix should not make so many more orders possible",
        )
    return fails(check, played)


def survives(submission: Submission, check: Check) -> Finding:
    """Random runs of a race that is too large to be covered."""
    runs = check.settings.get("runs", RANDOM_RUNS)
    seed = check.settings.get("seed", 0)
    played = searched(submission, check, RandomWalk(seed), runs)
    if played.verdict == "bug":
        return fails(check, played)
    return Finding(
        check.name, True, f"{played.race.name}: {runs:,} random runs, and none failed"
    )


def keeps_rules(submission: Submission, check: Check) -> Finding:
    """Random runs, looked at by the checkers of lock order and of data races.

    Data races only of accesses that are not announced: those a proof does not see.
    """
    runs = check.settings.get("runs", WATCHED_RUNS)
    race = submission.race(check.settings["race"])
    kernel = submission.kernel(check.settings["kernel"])
    watch = Watch.of_rules()

    def go_on(_: Coverage) -> bool:
        return not watch.reports

    with submission.installed():
        boot = race.booter(kernel)
        strategy = RandomWalk(check.settings.get("seed", 0))
        with watch.over(boot) as watched:
            search(
                watched, strategy, budget=runs, stop_at_failure=False, progress=go_on
            )
        if watch.reports:
            shown = as_failure(boot, watch.reports[0])
            return fails(check, once(race, kernel, strategy.name, shown))
    return Finding(
        check.name,
        True,
        f"{race.name}: no order of locks that may deadlock and no access that is not "
        f"announced, in {runs:,} random runs",
    )


def searched(
    submission: Submission, check: Check, strategy: Strategy, budget: int
) -> Played:
    race = submission.race(check.settings["race"])
    kernel = submission.kernel(check.settings["kernel"])
    with submission.installed():
        return hunt(race, kernel, strategy, budget=budget, progress=go_on)


def go_on(coverage: Coverage) -> bool:
    return coverage.steps < MOST_STEPS


def fails(check: Check, played: Played) -> Finding:
    """A run that fails, by its schedule; a second process makes the drawing of it."""
    assert played.recording is not None
    assert played.recording.failure is not None
    failure = played.recording.failure
    return Finding(
        check.name,
        False,
        f"{played.race.name}: {failure.message}",
        str(played.token),
        failure.message,
    )


# Does it still do what it is there for?


def works(submission: Submission, check: Check) -> Finding:
    """One thread after another: all ends as it does with the model's own code.

    Who moves no stack can lose no entry of it, and who gives up is always safe.
    """
    ours, failed = in_order(submission, check)
    if failed is not None:
        return failed
    name = check.settings["race"]
    theirs = model_in_order(submission, check)
    difference = first_difference(end_of(ours), end_of(theirs))
    if difference is None:
        return Finding(check.name, True, f"{name}: one after another, all ends well")
    return shows(submission, check, ours, f"one after another: {difference}")


def holds(submission: Submission, check: Check) -> Finding:
    """Coming to the function `at`, `thread` has the locks that it has with the model.

    That is asked in every interleaving.  Who takes no locks takes none in a wrong
    order, but what they are for may happen.
    """
    name, at = check.settings["race"], check.settings["at"]
    thread = check.settings["thread"]
    race = submission.race(name)
    kernel = submission.kernel(check.settings["kernel"])
    wanted = held_at(model_in_order(submission, check), thread, at)
    with submission.installed():
        quick = race.rewinder(kernel)
        seen = locks_at(quick, SourceDpor(), thread, at, MOST_RUNS, MOST_STEPS)
        for held, choices in seen.items():
            if wanted - held:
                ours = record(race.booter(kernel), Wish(choices))
                missing = ", ".join(sorted(wanted - held))
                why = f"coming to {at}: {missing} should be held too"
                return shows(submission, check, ours, why)
    if not seen:
        return Finding(check.name, False, f"{name}: {at} is never reached")
    return Finding(check.name, True, f"{name}: all locks are held coming to {at}")


def held_at(recording: Recording, thread: int, at: str) -> frozenset[str]:
    """The locks of a thread before its first step in a function."""
    for step, before in zip(recording.steps, recording.moments, strict=False):
        if step.thread == thread and at in [place.function for place in step.trace]:
            return frozenset(before.held[thread])
    return frozenset()


def in_order(submission: Submission, check: Check) -> tuple[Recording, Finding | None]:
    """A run of one thread after another, in `order`; and what is said if it fails."""
    race = submission.race(check.settings["race"])
    kernel = submission.kernel(check.settings["kernel"])
    with submission.installed():
        ours = record(race.booter(kernel), InOrder(check.settings["order"]))
        if ours.failure is None:
            return ours, None
        return ours, fails(check, once(race, kernel, "in-order", ours))


def model_in_order(submission: Submission, check: Check) -> Recording:
    """The same with the model's own code."""
    race = race_for(submission.exercise, check.settings["race"])
    kernel = parse_kernel(check.settings["kernel"])
    return record(race.booter(kernel), InOrder(check.settings["order"]))


def shows(
    submission: Submission, check: Check, ours: Recording, difference: str
) -> Finding:
    """A run that does not go as it should, whether or not it fails."""
    name = check.settings["race"]
    kernel = submission.race(name).kernel(submission.kernel(check.settings["kernel"]))
    token = ScheduleToken(name, kernel, ours.choices, ours.fingerprint)
    failure = ours.failure.message if ours.failure is not None else None
    why = f"{name}, {difference}"
    return Finding(check.name, False, why, str(token), failure)


@frozen
class InOrder:
    """Lets a thread go on as long as it can, those that are named before others."""

    order: Sequence[int]

    def choose(self, machine: Machine, enabled: Sequence[KThread]) -> KThread | None:
        places = {index: place for place, index in enumerate(self.order)}
        return min(enabled, key=lambda one: places.get(one.index, len(places)))


End = dict[str, tuple[Any, ...]]


def end_of(recording: Recording) -> End:
    """What a run has left: areas, entries, pages, references; no names of things."""
    state = recording.moments[-1].state
    assert isinstance(state, State)
    return {
        "the VMAs": tuple(
            (vma.start, vma.end, vma.pgoff, vma.flags)
            for mm in state.mms
            for vma in mm.vmas
        ),
        "the page-table entries": tuple(
            (entry.address, entry.kind, entry.pfn, entry.flags)
            for mm in state.mms
            for entry in mm.entries
        ),
        "the pages": tuple(
            (page.pfn, page.use, page.flags, page.count, page.mapcount)
            for page in state.pages
        ),
        "the references to anon_vmas": tuple(
            (anon_vma.refcount,) for anon_vma in state.anon_vmas
        ),
    }


def first_difference(ours: End, theirs: End) -> str | None:
    for what, expected in theirs.items():
        if ours[what] != expected:
            found = [one for one in ours[what] if one not in expected]
            missing = [one for one in expected if one not in ours[what]]
            return (
                f"{what} are not as they should be: {words(found)}, "
                f"where there should be {words(missing)}"
            )
    return None


def words(things: list[Any]) -> str:
    return "; ".join(", ".join(word(part) for part in one) for one in things[:2]) or "-"


def word(value: Any) -> str:
    if isinstance(value, tuple):
        return "+".join(value) or "no flags"
    return f"{value:#x}" if isinstance(value, int) else str(value)


Ask = Callable[[Submission, Check], Finding]

ASKS: Mapping[str, Ask] = {
    "proves": proves,
    "survives": survives,
    "keeps-rules": keeps_rules,
    "works": works,
    "holds": holds,
}


def remade(submission: Submission, schedule: str) -> Played:
    """A run again, from the schedule that a finding has.  Raises ScheduleError."""
    yours = f"{submission.base.partition('=')[0]}={YOURS}"
    token = ScheduleToken.parse(schedule.replace(yours, submission.base))
    token = evolve(token, kernel=submission.kernel(token.kernel.text))
    with submission.installed():
        return replay(submission.race(token.race), token)
