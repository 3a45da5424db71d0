"""Processes: what Linux keeps in kernel/, and the system calls.

Reading order: `uaccess` (a program's memory), `files` (what it has open), `wait` and
`signal`, `mm_end` (what keeps an address space), `sched` (a CPU goes from one task to
another), `fork`, `exit`, `syscalls`, `entry` (signals on the way back from one),
`process` (a process driven from outside).
"""
