"""kmm: how Linux moves memory under running programs, and why doing so raced.

The rooms, in reading order; each one imports only from those before it.

`sim`        time and interleaving: kernel threads, locks, schedules, searches
`hw`         the x86 MMU: physical memory, page-table entries, the page walk, CPUs
`mm`         Linux's memory manager: pages, VMAs, faults, rmap, page migration
`fs`         exec: argument pages, the temporary stack, its relocation
`designs`    the rival historic answers to each question, one small module each
`scenarios`  the races, as litmus tests
`report`     the oops, the two-column interleaving, JSON
`tui`, `cli` two faces over the same calls
"""

__version__ = "0.1.0"
