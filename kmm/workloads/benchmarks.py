"""The benchmarks by name: the letter's three, in its order, and those of answers."""

from __future__ import annotations

from collections.abc import Mapping

from .aim9 import AIM9
from .benchmark import Benchmark
from .comparison import Comparison
from .execrate import EXECRATE
from .forktree import FORKTREE
from .kernbench import KERNBENCH
from .mmapload import MMAP
from .sysbench import SYSBENCH

BENCHMARKS: Mapping[str, Benchmark] = {
    benchmark.name: benchmark for benchmark in (KERNBENCH, AIM9, SYSBENCH)
}
COMPARISONS: Mapping[str, Comparison] = {
    comparison.name: comparison for comparison in (FORKTREE, EXECRATE, MMAP)
}
