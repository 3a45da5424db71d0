"""Two kernels, and what a benchmark says of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from kmm.designs import find_kernel
from kmm.workloads.benchmark import Conditions, Result
from kmm.workloads.cycles import usual_table

TABLE = usual_table()


def conditions(kernel: str = "vanilla", seed: int = 0) -> Conditions:
    return Conditions(find_kernel(kernel), TABLE, seed)


def both(run: Callable[[Conditions], Result], seed: int = 0) -> tuple[Result, Result]:
    """The same run on vanilla and on v6."""
    return run(conditions("vanilla", seed)), run(conditions("v6", seed))


def are_near(baseline: Mapping[str, float], patched: Mapping[str, float]) -> bool:
    """Whether each row is the other kernel's, but for 5 %."""
    return baseline.keys() == patched.keys() and all(
        abs(patched[name] - figure) <= 0.05 * figure
        for name, figure in baseline.items()
    )
