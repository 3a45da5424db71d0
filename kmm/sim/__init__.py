"""Time and interleaving: kernel threads, locks, schedules and searches.

Reading order: `trap` (the one yield), `thread`, `failure`, `access`, `locks`, `wait`,
`rcu` and `seqlock` (what a thread can do at a preemption point), `machine` (the run
loop), `schedule`, `strategies/` (who goes next), `search`, `order`, `turns`, `shrink`
(from a failing run to its witness), `recording`; `lockdep`, and `datarace` with `taps`
and `vector_clocks` (who look on while runs go on); `clock`, `runqueue` and `timed`
(runs in which time passes).

Nothing here knows what memory is.
"""
