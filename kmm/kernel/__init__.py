"""Processes: what Linux keeps in kernel/.

So far `sched`: a CPU goes from one task to another.
"""
