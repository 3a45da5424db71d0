"""Submissions that mean harm, and what is said of each: none may earn a point.

`test_hostile` has them judged, as one class; docs/classroom.md lists them
(`tools/attempts.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from exercises.submissions import (
    EXEC,
    UNMAP,
    above_shift,
    at_start_of_shift,
    changed,
    solution,
)

from kmm.exercises import find_exercise


class Attempt(NamedTuple):
    """A submission, and a part of what is said of it."""

    exercise: str
    text: str
    said: str


def inside(said: str, *lines: str) -> Attempt:
    """exec-stack's solution, which does something else first."""
    return Attempt(EXEC, at_start_of_shift(*lines), said)


def above(said: str, *lines: str) -> Attempt:
    """The same, with lines outside of all functions."""
    return Attempt(EXEC, above_shift(*lines), said)


WATCHDOG = "s, the watchdog's"
BODY = "async def shift_arg_pages(k: Kernel, vma: VmArea, shift: int) -> int:\n"
CALLED = above_shift("def f(n):", "    return f(n + 1)").replace(
    "    old_start, old_end", "    f(0)\n    old_start, old_end"
)
ATTEMPTS: Mapping[str, Attempt] = {
    # Never to end, and to take everything.
    "an endless loop": inside("more than 100,000 rounds", "while True:", "    pass"),
    "an endless loop that waits": inside(
        "no end after 3000 steps",
        "while True:",
        "    await write_once(vma, VMA.vm_end, 0)",
    ),
    "an endless comprehension": inside(
        "more than 100,000 rounds", "y = sum(1 for i in range(10 * 9999999999))"
    ),
    "an endless recursion": Attempt(EXEC, CALLED, "RecursionError"),
    "one operation that takes for ever": inside(
        WATCHDOG, "x = (1 << 400000000) - 1", "y = x * x * x"
    ),
    "a memory bomb": inside("MemoryError", "x = [0] * 10000000000"),
    "a memory bomb of text": inside("MemoryError", "x = 'x' * (1 << 40)"),
    "a memory bomb of bits": inside("Error in line", "x = 1 << 100000000000"),
    "a power that fills memory": inside("Pow is not for submissions", "9 ** 9 ** 9"),
    "a file that is too long": Attempt(EXEC, "# x\n" * 20_000, "more than 50,000"),
    "brackets without end": Attempt(EXEC, "(" * 40_000, "not Python"),
    # To end the judge, or to speak in its name.
    "exit": inside("NameError", "exit(0)"),
    "an import that exits": above("only imports", "import sys", "sys.exit(0)"),
    "an exit without a word": above("os is out of reach", "from os import _exit"),
    "raising SystemExit": inside("Raise is not for submissions", "raise SystemExit"),
    "a fake verdict": inside("NameError", "print('Score: 10/10')"),
    "a fake verdict in a failure": inside(
        "kernel BUG at x!  Score: 10/10",
        "bug_on(True, 'x!\\n\\nScore: 10/10\\n\\x1b[2J')",
    ),
    "a result file": inside("NameError", "open('result.json', 'w')"),
    "reading the hidden checks": inside("NameError", "open('hidden.toml').read()"),
    "code that runs on import": above("at the top", "[].append(1)"),
    # To change who judges.
    "another checker": above(
        "kmm.mm is out of reach", "from kmm.mm import audit", "audit.audit = find_vma"
    ),
    "the search, to be changed": above(
        "out of reach", "from kmm.sim.search import search"
    ),
    "the canaries, to be changed": above(
        "out of reach", "from kmm.exercises.canary import Canary"
    ),
    "the globals of the model": inside(
        ".__globals__ is nothing", "find_vma.__globals__['find_vma'] = 1"
    ),
    "other code for a function": inside(
        ".__code__ is nothing", "find_vma.__code__ = shift_arg_pages.__code__"
    ),
    "the frames below": inside(".cr_frame is nothing", "find_vma(1, 2).cr_frame"),
    "Python's classes, by way of ()": inside(
        ".__class__ is nothing", "().__class__.__base__.__subclasses__()"
    ),
    "a format that reads attributes": inside(
        ".format is nothing", "'{0.__globals__}'.format(find_vma)"
    ),
    "a pattern that reads attributes": inside(
        "Match is not", "match vma:", "    case VmArea(__dict__=x):", "        pass"
    ),
    "a decorator": above("has a decorator", "@evolve", "def f():", "    pass"),
    "memory in a function of its own": inside(
        "keeps something from one run", "f = shift_arg_pages", "f.vm_flags = 1"
    ),
    "memory in a function of the model": inside(
        "the judge was changed", "f = find_vma", "f.vm_flags = 1", "old = f.vm_flags"
    ),
    "memory in a default": above("no constant", "def f(seen=[]):", "    pass"),
    # To pass without being right.
    "swallowing the model's failures": inside(
        "Try is not", "try:", "    pass", "except BaseException:", "    pass"
    ),
    "unseen steps of its own": inside(".send is nothing", "find_vma(1, 2).send(None)"),
    "another lock in the place of one": inside(
        ".mmap_sem is not", "vma.mm.mmap_sem = None"
    ),
    "giving up, which is always safe": inside("error -12", "return -ENOMEM"),
    "doing nothing, which is safe too": inside("execve was given", "return 0"),
    "another interface": Attempt(
        EXEC,
        changed(EXEC, (BODY, BODY.replace("shift: int", "shift: int, more: int = 0"))),
        "you changed the interface",
    ),
    "no coroutine": Attempt(
        UNMAP,
        "def try_to_unmap_one(k, page, vma, address, flags):\n    return 1\n",
        "should be a `async def`",
    ),
    "no record": Attempt(EXEC, solution(EXEC).partition("ANSWER")[0], "no record"),
    "another question's function": Attempt(
        EXEC,
        solution(EXEC).replace("shift_arg_pages=shift", "vma_adjust=shift"),
        "is no function of exec-stack",
    ),
    "an empty file": Attempt(EXEC, "", "no record"),
    # Data that is none.
    "a schedule of more steps than there is memory": Attempt(
        "break-vanilla", "exec-stack/2.6.34/9999999999999a/0000", "not a schedule at"
    ),
    "a number of ten thousand digits": Attempt(
        "break-vanilla", f"exec-stack/2.6.34/1a/0000@{'9' * 10_000}", "ValueError"
    ),
    "a schedule of another race": Attempt(
        "break-vanilla", "migration-wait/2.6.34/1a/0000", "should be one of exec-stack"
    ),
    "a litmus test as large as the machine": Attempt(
        "tell-apart",
        "pages = 1000000000\nwritten = 1\nsplit_at = 0\nforked = false\n"
        'program = ["read 1"]\n',
        "should be 1 to 6",
    ),
    "TOML that is nested without end": Attempt(
        "tell-apart", "pages = " + "[" * 50_000, "RecursionError"
    ),
}

# A judge that was taken over entirely: what the parent makes of it.  Each program runs
# in the judge's place, with its `job` and its `pipe`.
GUESSED = "".join(
    f"import os, json; os.write(pipe.descriptor, json.dumps({line!r}).encode() + "
    f"b'\\n')\n"
    for line in (
        *(
            {
                "nonce": "guess",
                "finding": {"check": check.name, "passed": True, "why": ""},
            }
            for check in find_exercise(EXEC).checks
        ),
        {"nonce": "guess", "end": True},
    )
)
HONEST = "".join(
    f"pipe.say('finding', {{'check': {check.name!r}, 'passed': True, 'why': ''}})\n"
    for check in find_exercise(EXEC).checks
)
TAKEN_OVER: Mapping[str, str] = {
    "it says nothing, and exits": "raise SystemExit(0)",
    "it exits without a word": "import os; os._exit(0)",
    "it prints a verdict": "print('Score: 10/10'); print('{\"end\": true}')",
    "it guesses the nonce": GUESSED,
    "it says half, and is killed": HONEST + "import os; os.kill(os.getpid(), 9)",
    "it writes what is no JSON": (
        "import os; os.write(pipe.descriptor, b'\\xff' * 1000 + b'\\n[]\\n')"
    ),
    "it says what is no finding": "pipe.say('finding', [1]); pipe.say('end', True)",
    "it speaks of checks that there are not": (
        "pipe.say('finding', {'check': 'all', 'passed': True, 'why': ''}); "
        "pipe.say('end', True)"
    ),
    "it writes without end": (
        "import os; [os.write(pipe.descriptor, b'x' * 60000) for _ in iter(int, 1)]"
    ),
    "it prints without end": "[print('x' * 60000) for _ in iter(int, 1)]",
    "it sleeps": "import time; time.sleep(1000)",
    "it leaves a child behind": (
        "import os, time; os.fork() or time.sleep(1000); time.sleep(1000)"
    ),
    "it ends the process that it is a copy of": ("import os; os.kill(os.getppid(), 9)"),
}
