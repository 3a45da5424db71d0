"""kmm: how Linux moves memory under running programs, and why doing so raced.

The rooms, in reading order; each one imports only from those before it.

`sim`        time and interleaving: kernel threads, locks, schedules, searches
`hw`         the x86 MMU: physical memory, paging modes, the page walk, TLBs, CPUs
`mm`         Linux's memory manager: pages, VMAs, faults, rmap, migration, shootdown
`kernel`     processes: a CPU goes from one task to another; signals, open files
`fs`         exec: argument pages, the temporary stack, its relocation; files, pipes
`designs`    the rival historic answers to each question, one small module each
`scenarios`  the races, as litmus tests
`conform`    recorded behaviour of real hardware, and the model held against it
`workloads`  what each answer costs
`report`     the oops, the drawing of a race, JSON
`course`     the textbook: lessons, and whether what they claim is so
`tui`, `cli` two faces over the same calls
"""

__version__ = "0.1.0"
