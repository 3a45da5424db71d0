"""Requests that come too late, and CPUs that are not asked or not waited for."""

from __future__ import annotations

from exercises.submissions import changed, starter
from exercises.wrong import Wrong

NAME = "shootdown"
REQUEST = """\
        await write_plain(flush, FLUSH.flush_mm, mm)
        await write_plain(flush, FLUSH.flush_va, address)
"""
MASK = "        await write_once(flush, FLUSH.flush_cpumask, others)\n"
SEND = """\
        for other in k.cpus:
            if others >> other.number & 1:
                await other.apic.send(INVALIDATE_TLB_VECTOR_START + slot)
"""
WAIT = "        await flush.wait_for_answers()\n"
DONE = "        await write_plain(flush, FLUSH.flush_mm, None)\n"

WRONG = {
    "nobody is asked": Wrong(starter(NAME), "works", "memory holds b'one'"),
    "nobody is waited for": Wrong(changed(NAME, (WAIT, "")), "works", "wrote b'two'"),
    "the mask comes after the interrupts": Wrong(
        changed(NAME, (MASK, ""), (SEND, SEND + MASK)),
        "waits",
        "blocked for more than 120 seconds",
    ),
    "the request comes after the interrupts": Wrong(
        changed(NAME, (REQUEST, ""), (SEND, SEND + REQUEST)),
        "locks",
        "data-race in flush_tlb_others / smp_invalidate_interrupt",
    ),
    "the request is withdrawn before the answers": Wrong(
        changed(NAME, (WAIT + DONE, DONE + WAIT)), "waits", "memory holds"
    ),
    "one CPU is asked": Wrong(
        changed(NAME, (SEND, SEND + "                break\n")),
        "many",
        "blocked for more than 120 seconds",
    ),
    "one CPU is asked, and one is waited for": Wrong(
        changed(
            NAME,
            (MASK, MASK.replace("others)", "others & -others)")),
            (SEND, SEND + "                break\n"),
        ),
        "many",
        "memory holds",
    ),
    "the slot is always the first": Wrong(
        changed(
            NAME, ("INVALIDATE_TLB_VECTOR_START + slot", "INVALIDATE_TLB_VECTOR_START")
        ),
        "many",
        "blocked for more than 120 seconds",
    ),
    "it looks again and again instead of waiting": Wrong(
        changed(NAME, (WAIT, "        while flush.flush_cpumask:\n            pass\n")),
        "works",
        "more than 100,000 rounds",
    ),
    "the mask is stored, and no search is told": Wrong(
        changed(NAME, (MASK, "        flush.flush_cpumask = others\n")),
        None,
        ".flush_cpumask is not a submission's to change",
    ),
    "the model's own": Wrong(
        changed(NAME, ("import FLUSH, ", "import flush_tlb_others, FLUSH, ")),
        None,
        "kmm.mm.tlb.flush_tlb_others has the answer",
    ),
}
