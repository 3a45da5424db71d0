"""The hardware: physical memory, page-table entries, the page walk, CPUs.

Reading order: `memory`, `paging` (the bits, and the walk), `cpu`.

What is not here yet: a TLB.  These CPUs walk the tables at each access and remember
nothing, which the manual allows; what a CPU may remember, and what goes wrong when it
is not told to forget, is a chapter of its own.
"""
