"""The toy's memory, in numbers: what an entry may be, and where the page is mapped.

What the toy is is said in `sim.programs`; here it is written down for each tool.
"""

NONE, PRESENT, MIGRATION = 0, 1, 2
OLD, NEW = 2, 1  # before the move and after
