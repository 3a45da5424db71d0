"""What designs cost, and what kernels can take: work, rather than races.

Reading order: `counting`, `costs`; for what goes by clocks `cycles` (what things cost),
`userland` (programs), `stress` (the letter's recipe), `endurance` (how it ended),
`gauges` (how it is getting on), `tail` (its last steps); `benchmark` and `program`
(what benchmarks have in common), `kernbench`, `aim9`, `sysbench`; `comparison` (what
loads of rival answers have in common), `forktree`, `execrate`, `mmapload`;
`benchmarks`.
"""

# Of each what it is, and the command that runs it.
WORKLOADS = {
    "stress": ("the letter's recipe, by which a kernel of 2010 breaks", "kmm stress"),
    "kernbench": ("compilations, as many at a time as make -j allows", "kmm bench"),
    "aim9": ("seven things that a kernel does, each by itself", "kmm bench"),
    "sysbench": ("transactions of one to eight clients", "kmm bench"),
    "forktree": ("migration and reclaim in a family of processes", "kmm bench"),
    "execrate": ("one exec after the other", "kmm bench"),
    "mmap": ("threads or processes that change their mappings", "kmm bench"),
    "costs": ("one walk, one exec: locks and VMAs, counted", "kmm cost"),
}
