"""The rival historic answers to each question, and the kernels that they make up.

One package a question, one small module an answer.  Reading order: `question`, then
`exec_stack/` from its lowest tag to its highest, `anon_vma_pin/`, `pte_peek/`,
`rmap_walk/`, `take_all_locks/`, `tlb_flush/`, `call_rules/`, `kernels`.
"""

from .kernels import (
    ALIASES,
    KERNELS,
    QUESTIONS,
    KernelSpec,
    UnknownName,
    find_kernel,
    parse_kernel,
)
from .question import Answer

__all__ = [
    "ALIASES",
    "KERNELS",
    "QUESTIONS",
    "Answer",
    "KernelSpec",
    "UnknownName",
    "find_kernel",
    "parse_kernel",
]
