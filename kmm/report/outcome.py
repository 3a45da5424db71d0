"""What `run`, `hunt`, `prove` and `replay` report, for people and as JSON.

What is shown of a search is the run that it found; what is said of it is `answer`.
"""

from __future__ import annotations

import textwrap
from typing import Any

from ..designs import KernelSpec
from ..scenarios import Race
from ..scenarios.play import Played
from ..sim.failure import Failure, Report
from ..sim.recording import Recording
from ..sim.schedule import context_switches
from .causes import causes
from .interleaving import lanes
from .oops import oops
from .words import Names, kernel_trace

ANSWERS = {
    "bug": "Sometimes",
    "proved": "Never",
    "survived": "Not seen",
}

# Each bound in words: what there is so much of, and the rest of the phrase.
BOUNDS = {
    "threads": ("thread", ""),
    "cpus": ("CPU", ""),
    "frames": ("page frame", ""),
    "stack_shift": ("page", " of shift"),
    "migrate_passes": ("attempt", " to migrate the page"),
    "nodes": ("node", " of memory"),
    "offline_turns": ("round", " of hot-remove"),
    "swap_slots": ("swap slot", ""),
}


def as_json(played: Played, *, kernel_name: str, seed: int, seconds: float) -> Any:
    """The object that each of the four commands prints with --json.

    `seconds` is the wall time of a search.  A replay reports 0.0, since it must give
    the same bytes each time.
    """
    recording = played.recording
    choices = recording.choices if recording else None
    return {
        "race": played.race.name,
        "kernel": kernel_json(played.kernel, kernel_name),
        "strategy": played.strategy,
        "seed": seed,
        "verdict": played.verdict,
        "failure": failure_json(recording.failure) if recording else None,
        "reports": [found_json(report) for report in played.reports],
        "slice": slice_json(recording) if recording else [],
        "schedule": str(played.token) if played.token else None,
        "operations": list(recording.operations) if recording else None,
        "executions": played.coverage.executions,
        "given_up": played.coverage.given_up,
        "steps": played.coverage.steps,
        "schedule_steps": len(choices) if choices is not None else None,
        "context_switches": context_switches(choices) if choices is not None else None,
        "preemptions": recording.preemptions if recording else None,
        "states": played.states,
        "bound": played.bound,
        "estimate": estimate_json(played),
        "bounds": played.race.bounds,
        "stopped": played.stopped,
        "seconds": round(seconds, 3),
    }


def estimate_json(played: Played) -> dict[str, int] | None:
    """How many executions a search would take that was not finished, if one can say."""
    guess = played.estimate
    if guess is None:
        return None
    return {"executions": round(guess.runs), "spread": round(guess.spread)}


def kernel_json(kernel: KernelSpec, name: str) -> dict[str, str]:
    answers = {question: answer.name for question, answer in kernel.answers.items()}
    return {"name": name, **answers}


def failure_json(failure: Failure | None) -> dict[str, Any] | None:
    return None if failure is None else found_json(failure)


def found_json(found: Failure | Report) -> dict[str, Any]:
    return {
        "kind": found.kind,
        "message": found.message,
        "thread": found.thread,
        "cpu": found.cpu,
        "trace": [place.function for place in kernel_trace(found.trace)],
        "details": list(found.details),
    }


def slice_json(recording: Recording) -> list[dict[str, Any]]:
    """The steps that matter, numbered from 1 as `kmm replay --step` does."""
    names = Names(recording)
    return [
        {
            "step": cause.step.number + 1,
            "cpu": cause.cpu,
            "thread": cause.thread,
            "function": cause.function,
            "file": cause.place.file if cause.place else None,
            "line": cause.place.line if cause.place else None,
            "kind": cause.step.kind,
            "target": names.label(cause.step),
            "before": cause.step.before,
            "after": cause.step.after,
            "held": list(cause.held),
        }
        for cause in causes(recording)
    ]


def as_text(
    played: Played, width: int = 80, stories: bool = False, seconds: float = 0.0
) -> str:
    """The report of a run or a search, in the order in which one wants to know."""
    blocks = [headline(played, width)]
    if stories:
        blocks += story(played.race, width)
    blocks.append(f"{filled(played.race.asks, width)}\n{filled(answer(played), width)}")
    if stories and seconds:
        blocks.append(filled(effort(played, seconds), width))
    if played.recording is not None:
        console = oops(played.recording, played.kernel.name)
        if console:
            blocks.append(console)
        blocks.append("The steps that matter, one lane a CPU:")
        blocks.append("\n".join(lanes(played.recording, width)))
        if played.reports and not is_only_a_report(played):
            blocks.append(also_reported(played, width, whole=stories))
        blocks.append(how_to_replay(played, width))
    return "\n\n".join(blocks)


def filled(text: str, width: int, indent: str = "") -> str:
    return textwrap.fill(
        text,
        width,
        subsequent_indent=indent,
        break_on_hyphens=False,
        break_long_words=False,
    )


def headline(played: Played, width: int) -> str:
    kernel = played.kernel
    answers = ", ".join(f"{q}={a.name}" for q, a in kernel.answers.items())
    name = f"{played.race.name} on {kernel.text}"
    return name + "\n" + filled(f"  {answers}", width, indent="  ")


def story(race: Race, width: int) -> list[str]:
    """What -v adds: what happens in this race, who takes part, and where to look."""
    threads = [
        filled(f"CPU {cpu}: {does}.", width, indent="  ")
        for cpu, does in enumerate(race.threads)
    ]
    return [
        filled(race.story, width),
        "\n".join(threads),
        filled(f"Watch {race.watch}", width),
    ]


def answer(played: Played) -> str:
    """The verdict in a sentence, with what it rests on."""
    coverage = played.coverage
    runs = plural(coverage.executions, "execution")
    steps = plural(coverage.steps, "step")
    word = ANSWERS[played.verdict]
    if played.verdict == "proved":
        return (
            f"{word}: proved by {runs} ({steps}){merged(played)}, which cover every "
            f"interleaving within these bounds: {bounds(played)}.{checks(played)}"
        )
    if played.stopped == "interrupt" and played.verdict != "bug":
        return (
            f"{word}: interrupted after {runs} ({steps}){of_about(played)}; this is no "
            f"proof."
        )
    if played.recording is None and played.stopped is None:
        return f"{word} in {runs} ({steps}), all {within(played)}; this is no proof."
    if played.recording is None:
        return (
            f"{word} in {runs} ({steps}), the whole budget{of_about(played)}; this is "
            f"no proof."
        )
    if played.verdict == "survived" and played.token and played.token.is_part:
        return f"{word}: the run was left here, after {steps}."
    if played.verdict == "survived":
        return f"{word}: this run went well.  Others may not (see `kmm hunt`)."
    if coverage.executions == 1:
        return f"{word}: this run failed."
    return f"{word}: execution {coverage.executions:,} of the search failed."


def merged(played: Played) -> str:
    """That a proof rests on states having been taken for equal, and how many."""
    if played.states is None:
        return ""
    cut = plural(played.coverage.given_up, "more", "")
    return (
        f" and {cut} up to a state that was known, of {plural(played.states, 'state')}"
    )


def of_about(played: Played) -> str:
    """How much of a search that was not finished has been covered, if one can say."""
    guess = played.estimate
    if guess is None:
        return ""
    return f", of about {guess}"


def within(played: Played) -> str:
    """The bound of a search that has covered all that it allows."""
    assert played.bound is not None
    return f"with at most {plural(played.bound, played.strategy.removesuffix('s'))}"


def effort(played: Played, seconds: float) -> str:
    """What -v adds: what the answer has cost."""
    coverage = played.coverage
    runs = plural(coverage.executions, "execution")
    steps = plural(coverage.steps, "step")
    return (
        f"Strategy {played.strategy}: {runs} to the end, {coverage.given_up:,} given "
        f"up early since they could show nothing new, {steps}, {seconds:.1f} s."
    )


def checks(played: Played) -> str:
    """What --check adds to a proof."""
    if not played.race.checked:
        return ""
    return (
        "  After every step, all counts and lists added up, and no TLB knew a frame "
        "that was free."
    )


def bounds(played: Played) -> str:
    return ", ".join(in_words(*bound) for bound in played.race.bounds.items())


def in_words(name: str, size: object) -> str:
    """A bound; one for which there are no words of its own, by its name."""
    if name in BOUNDS and isinstance(size, int):
        noun, rest = BOUNDS[name]
        return plural(size, noun) + rest
    return f"{name.replace('_', ' ')} {size}"


def is_only_a_report(played: Played) -> bool:
    """Whether what is shown as the failure is a report, that ended no run."""
    failure = played.recording.failure if played.recording else None
    return failure is not None and failure.message == played.reports[0].message


def also_reported(played: Played, width: int, *, whole: bool) -> str:
    """What the run showed besides how it ended; with -v, every word of it."""
    lines = ["Besides, this run shows:"]
    if not whole:  # several may have the same headline
        messages = dict.fromkeys(report.message for report in played.reports)
        return "\n".join([*lines, *(filled(f"  {m}", width, "    ") for m in messages)])
    for report in played.reports:
        lines.append(filled(f"  {report.message}", width, indent="    "))
        for line in report.details:
            lines += filled(f"    {line}", width, indent="      ").split("\n")
    return "\n".join(lines)


def how_to_replay(played: Played, width: int) -> str:
    assert played.recording is not None
    steps = plural(len(played.recording.steps), "step")
    switches = plural(context_switches(played.recording.choices), "context switch")
    stopped = plural(played.recording.preemptions, "preemption")
    check = " --check" if played.race.checked else ""
    again = f"kmm replay {played.token}{check}"
    counted = filled(f"{steps}, {switches} ({stopped}).  The same run again:", width)
    return f"{counted}\n\n  {again}"


def plural(count: int, noun: str, many: str | None = None) -> str:
    """A number of things; `many` is the ending of more than one."""
    usual = "es" if noun.endswith("ch") else "s"
    ending = "" if count == 1 else usual if many is None else many
    return f"{count:,} {noun}{ending}"
