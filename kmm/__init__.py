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
`exercises`  a fix that somebody writes, judged by a proof or a counterexample
`tui`, `cli` two faces over the same calls
`web`        the first of them in a browser, with nothing installed

Three names that are used throughout:

- *the letter* is Mel Gorman's mail to linux-mm of 6 May 2010, "Fix migration races in
  rmap_walk() V6", from which the project grew;
- *the series* is those patches in all seven versions, 26 April to 7 May;
- *the catalogue of fixes* is ours: it numbers what was proposed or merged then, in the
  order of history, with a letter for each question.  E7 is `designs/exec_stack/e07_*`;
  `kmm list designs -v` says whose each was.
"""

__version__ = "0.1.0"
