"""What `run`, `hunt`, `prove` and `replay` report, for people and as JSON."""

from __future__ import annotations

from typing import Any

from ..designs import KernelSpec
from ..scenarios.play import Played
from ..sim.failure import Failure
from ..sim.schedule import context_switches
from .interleaving import two_columns
from .oops import oops
from .words import kernel_trace

ANSWERS = {
    "bug": "Sometimes",
    "proved": "Never",
    "survived": "Not seen",
}


def as_json(played: Played, *, kernel_name: str, seed: int, seconds: float) -> Any:
    """The object of design contract: one for each of the four commands.

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
        "reports": [],
        "schedule": str(played.token) if played.token else None,
        "executions": played.coverage.executions,
        "given_up": played.coverage.given_up,
        "steps": played.coverage.steps,
        "schedule_steps": len(choices) if choices is not None else None,
        "context_switches": context_switches(choices) if choices is not None else None,
        "bounds": played.race.bounds,
        "stopped": played.stopped,
        "seconds": round(seconds, 3),
    }


def kernel_json(kernel: KernelSpec, name: str) -> dict[str, str]:
    answers = {question: answer.name for question, answer in kernel.answers.items()}
    return {"name": name, **answers}


def failure_json(failure: Failure | None) -> dict[str, Any] | None:
    if failure is None:
        return None
    return {
        "kind": failure.kind,
        "message": failure.message,
        "thread": failure.thread,
        "cpu": failure.cpu,
        "trace": [place.function for place in kernel_trace(failure.trace)],
        "details": list(failure.details),
    }


def as_text(played: Played, *, width: int = 80) -> str:
    """The report of a run or a search, in the order in which one wants to know."""
    blocks = [headline(played), played.race.asks + "  " + answer(played)]
    if played.recording is not None:
        console = oops(played.recording, played.kernel.name)
        if console:
            blocks.append(console)
        blocks.append("\n".join(two_columns(played.recording, width)))
        blocks.append(how_to_replay(played))
    return "\n\n".join(blocks)


def headline(played: Played) -> str:
    answers = ", ".join(f"{q}={a.name}" for q, a in played.kernel.answers.items())
    return f"{played.race.name} on {played.kernel.text} ({answers})"


def answer(played: Played) -> str:
    """The verdict in a sentence, with what it rests on."""
    coverage = played.coverage
    runs = plural(coverage.executions, "execution")
    steps = plural(coverage.steps, "step")
    word = ANSWERS[played.verdict]
    if played.verdict == "bug":
        return f"{word}: execution {coverage.executions} failed."
    if played.verdict == "proved":
        return (
            f"{word}: proved by {runs} ({steps}), which cover every interleaving "
            f"within these bounds: {bounds(played)}."
        )
    if played.stopped == "interrupt":
        return f"{word}: interrupted after {runs} ({steps}); this is no proof."
    return f"{word} in {runs} ({steps}); this is no proof."


def bounds(played: Played) -> str:
    words = {
        "threads": "threads",
        "cpus": "CPUs",
        "frames": "page frames",
        "stack_shift": "pages of shift",
        "migrate_passes": "attempt(s) of migrate_pages at the page",
    }
    found = played.race.bounds
    return ", ".join(f"{found[name]} {text}" for name, text in words.items())


def how_to_replay(played: Played) -> str:
    assert played.recording is not None
    steps = plural(len(played.recording.steps), "step")
    switches = plural(context_switches(played.recording.choices), "context switch")
    return f"{steps}, {switches}.  The same run again:\n\n  kmm replay {played.token}"


def plural(count: int, noun: str) -> str:
    ending = "" if count == 1 else "es" if noun.endswith("ch") else "s"
    return f"{count:,} {noun}{ending}"
