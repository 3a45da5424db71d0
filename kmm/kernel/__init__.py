"""Processes: what Linux keeps in kernel/, and the system calls.

Reading order: `uaccess` (a program's memory), `files` (what it has open), `wait` and
`signal`, `fork` (and the end of an address space), `exit`, `sched` (a CPU goes from one
task to another), `syscalls`, `entry` (signals on the way back from one), `process` (a
process driven from outside).
"""
