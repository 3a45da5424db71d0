"""What people read about a run: the oops, the two-column interleaving, JSON.

Everything here is made from a recording (`kmm.sim.recording`) and never looks at the
model.  Reading order: `words` (a step in words), `oops`, `interleaving`, `outcome`,
`listing`, `difference`, `export`.
"""
