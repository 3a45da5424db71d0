"""The letter's three benchmarks, in its order."""

from __future__ import annotations

from collections.abc import Mapping

from .aim9 import AIM9
from .benchmark import Benchmark
from .kernbench import KERNBENCH
from .sysbench import SYSBENCH

BENCHMARKS: Mapping[str, Benchmark] = {
    benchmark.name: benchmark for benchmark in (KERNBENCH, AIM9, SYSBENCH)
}
