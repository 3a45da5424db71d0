"""What people read about a run: the oops, the drawing of a race, JSON.

What is said of a run is made from a recording (`kmm.sim.recording`) and never looks at
the model.  Reading order: `words` (a step in words), `oops`, `history` (what
steps touched), `causes` (which of them matter), `interleaving`, `outcome`, `steps`.
Then a run as a whole (`outline`), what a step changed (`changes`), memory at a moment
as a graph (`graph`, `graph_svg`), and all that in other programs' formats (`exports/`).

The others make text and JSON of something else: `listing` (what there is),
`difference` (two kernels), `matrix` (every race on every kernel), `costs`, `bench`
(the letter's tables; `bench_runs`, those of runs), `sheet` (rival answers side by side;
`sheet_runs`), `stress` and `gauges` (the letter's recipe), `conformity` (recorded
cases), `mmu` (page walks).
"""
