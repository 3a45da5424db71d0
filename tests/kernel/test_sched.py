"""Going from one task to another on one CPU."""

from __future__ import annotations

from building import alone, boot, process

from kmm.kernel.sched import context_switch
from kmm.mm.mm_types import Task
from kmm.scenarios.process import start_in_scene


def test_a_kernel_thread_borrows_the_address_space_and_a_process_brings_its_own() -> (
    None
):
    p = process(boot())
    k, cpu = p.k, p.task.cpu
    other = start_in_scene(k, "other", 8, cpu=0)
    kthread = Task("events/1", 10, cpu, None, k.init_mm)

    alone(context_switch(k, p.task, kthread))
    assert k.running[1] is kthread
    assert kthread.active_mm is p.mm
    assert cpu.cr3 == p.mm.pgd

    moved = Task("other", 8, cpu, other.mm, other.mm)
    alone(context_switch(k, kthread, moved))
    assert k.running[1] is moved
    assert cpu.cr3 == other.mm.pgd
    assert p.mm.cpu_vm_mask == 0
    assert other.mm.cpu_vm_mask == 0b11
