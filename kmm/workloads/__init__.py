"""What designs cost, and what kernels can take: work, rather than races.

Reading order: `counting`, `costs`; for what goes by clocks `cycles` (what things cost),
`userland` (programs), `stress` (the letter's recipe), `benchmark` and `program` (what
benchmarks have in common), `kernbench`, `aim9`, `sysbench`, `benchmarks`.
"""
