"""One step, and one value, in words.

Used by all reports and by the screen, so that a step is called the same everywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import takewhile

from ..hw.modes import A, D
from ..mm.mm_types import VM_FLAG_NAMES
from ..mm.observe import State, describe_entry, flag_names
from ..sim.recording import Recording, Step
from ..sim.thread import Place

WALK = "kmm/hw/paging.py"  # where the MMU is
KERNEL_ROOMS = ("kmm/mm/", "kmm/kernel/", "kmm/fs/", "kmm/designs/")
MMU = "MMU"  # what it is called where a function would stand

LOCK_KINDS = {
    "acquire": "takes",
    "share": "takes",
    "release": "gives back",
    "unshare": "gives back",
    "try": "tries to take",
    "wait": "waits for",
}

SLOT = "swap slot "

# The lock by which a CPU finishes what it is doing before it answers an interrupt.
INTERRUPTS = "interrupts of "
CPU_TAKES = {
    "acquire": "lets no interrupt in",
    "release": "lets interrupts in again",
    "try": "lets no interrupt in",
}

# How the values of these fields are shown, if not as decimal numbers.
SHOWN: Mapping[str, Callable[[int], str]] = {
    "vm_start": hex,
    "vm_end": hex,
    "vm_pgoff": hex,
    "vm_page_prot": hex,
    "index": hex,
    "vm_flags": lambda flags: " ".join(flag_names(flags, VM_FLAG_NAMES)),
    "mapcount": lambda kept: str(kept + 1),  # the kernel keeps it less one
    "cpu_vm_mask": lambda mask: cpu_list(mask),
    "flush_cpumask": lambda mask: cpu_list(mask),
}


def cpu_list(mask: int) -> str:
    """The CPUs of a mask, bit n being CPU n, e.g. `CPU 0, 2`."""
    numbers = [str(n) for n in range(mask.bit_length()) if mask >> n & 1]
    return f"CPU {', '.join(numbers)}" if numbers else "no CPU"


class Names:
    """What the objects of a run are called in print.

    A step names a page-table entry by its place in RAM; a reader wants to know which
    address it translates.
    """

    def __init__(self, recording: Recording) -> None:
        self.labels: dict[str, str] = {}
        for moment in recording.moments:
            if isinstance(moment.state, State):
                for key, label in moment.state.tables:
                    self.labels.setdefault(key, label)

    def label(self, step: Step) -> str:
        return self.labels.get(step.target, step.target)


def is_entry(step: Step) -> bool:
    return step.target.startswith("entry ")


def describe_if_entry(step: Step, value: object) -> str:
    """A page-table entry in words; "" of anything else."""
    return describe_entry(value) if is_entry(step) and isinstance(value, int) else ""


def in_words(step: Step, value: object) -> str:
    """A value of the step's object."""
    if not isinstance(value, int):
        return "none" if value is None else str(value)
    if is_entry(step):
        return describe_entry(value)
    return SHOWN.get(step.target.rpartition(".")[2], str)(value)


def is_untold(step: Step) -> bool:
    """Whether the object is one of many parts, of which a recording keeps no value.

    Free lists, a pagevec or a slot, say; a field that is None has a structure's name.
    """
    if step.before is not None or step.after is not None:
        return False
    return "." not in step.target or step.target.endswith(".free_area")


def describe(step: Step, names: Names) -> str:
    """What the step did, e.g. `vma#1.vm_start 0x7fffffffe000 -> 0x7fffffff8000`."""
    label = names.label(step)
    if step.target.startswith(INTERRUPTS):
        return f"{CPU_TAKES[step.kind]} at {label.removeprefix(INTERRUPTS)}"
    if step.kind in LOCK_KINDS:
        label = " and ".join([label, *(target for _, target in step.also)])
        return f"{LOCK_KINDS[step.kind]} {label}{trylock_result(step)}"
    if step.target.startswith(SLOT) and step.also:
        [(kind, frame)] = step.also
        source, to = (frame, label) if kind == "read" else (label, frame)
        return f"copies {source} to {to}"
    after = in_words(step, step.after)
    if step.target.startswith("frame ") and step.after is None:
        return f"copies {label}" if step.kind == "read" else f"clears {label}"
    if is_untold(step):
        return f"{'looks at' if step.kind == 'read' else 'changes'} {label}"
    if step.kind == "read":
        return f"{label} is {after}"
    before = in_words(step, step.before)
    if before == after and is_entry(step):  # then it is its flags that have changed
        before, after = with_flags(step.before), with_flags(step.after)
    return f"{label} {before} -> {after}"


def with_flags(entry: object) -> str:
    """A page-table entry with what the CPU notes in it, by Linux's names of A and D."""
    assert isinstance(entry, int)
    flags = flag_names(entry, {A: "young", D: "dirty"})
    return " ".join([describe_entry(entry), *flags])


def trylock_result(step: Step) -> str:
    if step.kind != "try":
        return ""
    return ": got it" if step.before == "free" else ": busy"


def by_mmu(step: Step) -> bool:
    """Whether the CPU's page walk took the step, and not a function of the kernel."""
    frames = takewhile(in_hardware, step.trace)
    return any(place.file == WALK for place in frames)


def in_kernel(step: Step) -> bool:
    """Whether kernel code took the step, by itself or by way of the CPU."""
    where = place(step.trace)
    return where is not None and where.file.startswith(KERNEL_ROOMS)


def in_hardware(place: Place) -> bool:
    return place.file.startswith("kmm/hw/")


def kernel_trace(trace: tuple[Place, ...]) -> tuple[Place, ...]:
    """A call trace without the frames that stand for the CPU itself."""
    return tuple(place for place in trace if not in_hardware(place))


def place(trace: tuple[Place, ...]) -> Place | None:
    """Where the kernel took a step; where the hardware did, if it took it alone."""
    where = kernel_trace(trace) or trace[-1:]
    return where[0] if where else None


def function(step: Step) -> str:
    """The kernel function that took the step; the hardware's, if it took it alone."""
    where = place(step.trace)
    return where.function if where else "?"
