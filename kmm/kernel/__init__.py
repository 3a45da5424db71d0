"""Processes: what Linux keeps in kernel/, and the system calls.

Reading order: `fork` (and the end of an address space), `exit`, `sched` (a CPU goes
from one task to another), `syscalls`, `process` (a process driven from outside).
"""
