"""Time and interleaving: kernel threads, locks, schedules and searches.

Reading order: `trap` (the one yield), `thread`, `failure`, `access`, `locks`, `wait`,
`rcu` and `seqlock` (what a thread can do at a preemption point), `machine` (the run
loop), `checkpoint` and `scene` (how a run begins, and begins again), `schedule`,
`estimate`, `state` and `strategies/` (who goes next), `search` and `sharing`, `order`,
`turns`, `shrink` (from a failing run to its witness), `recording`; `lockdep`, and
`taps`, `vector_clocks` and `datarace` (who look on while runs go on); `clock`, `costs`,
`runqueue`, `garbage` and `timed` (runs in which time passes).

Nothing here imports the memory.
"""
