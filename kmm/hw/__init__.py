"""The hardware: an x86 CPU's view of memory, with real bits in simulated RAM.

Reading order: `memory` (RAM, and entries in it that CPUs share), `modes` (what the
bits mean), `paging` (the walk), `cpu` (registers, loads and stores), `tlb` (what a CPU
remembers; it can be left out at first), `apic` (how one CPU interrupts another),
`watch` (a walk written down as it is made, for those who show one).
"""
