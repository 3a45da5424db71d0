"""What people read about a run: the oops, the drawing of a race, JSON.

Everything here is made from a recording (`kmm.sim.recording`) and never looks at the
model.  Reading order: `words` (a step in words), `oops`, `causes` (which steps
matter), `interleaving`, `outcome`, `listing`, `difference`, `export`.
"""
