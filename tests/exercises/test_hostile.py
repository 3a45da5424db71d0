"""Submissions that mean harm: none earns a point, and none outlives its judge.

What a submission may say at all is in `test_vet`; here it is judged, in a process of
its own, as students' are.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest
from exercises.submissions import (
    EXEC,
    UNMAP,
    above_shift,
    at_start_of_shift,
    changed,
    marks_of,
    solution,
)

from kmm.exercises import find_exercise, sandbox
from kmm.exercises.marks import marks
from kmm.exercises.sandbox import judge

pytestmark = pytest.mark.slow

BODY = "async def shift_arg_pages(k: Kernel, vma: VmArea, shift: int) -> int:\n"

# A submission, and what is said of it.
HOSTILE = {
    "an endless loop": (
        at_start_of_shift("while True:", "    pass"),
        "more than 100,000 rounds",
    ),
    "an endless loop that waits": (
        at_start_of_shift("while True:", "    await write_once(vma, VMA.vm_end, 0)"),
        "no end after 3000 steps",
    ),
    "an endless comprehension": (
        at_start_of_shift(
            "x = [0 for _i in range(10)]".replace("_i", "i"),
            "y = sum(1 for i in range(10 * 9999999999))",
        ),
        "more than 100,000 rounds",
    ),
    "an endless recursion": (
        above_shift("def f(n):", "    return f(n + 1)").replace(
            "    old_start, old_end", "    f(0)\n    old_start, old_end"
        ),
        "RecursionError",
    ),
    "a memory bomb": (at_start_of_shift("x = [0] * 10000000000"), "MemoryError"),
    "a memory bomb of bits": (at_start_of_shift("x = 1 << 100000000000"), "Error"),
    "exit": (at_start_of_shift("exit(0)"), "NameError"),
    "an import that exits": (above_shift("import sys", "sys.exit(0)"), "only imports"),
    "an exit without a word": (
        above_shift("from os import _exit"),
        "os is out of reach",
    ),
    "a fake verdict": (at_start_of_shift("print('Score: 10/10')"), "NameError"),
    "a fake verdict in a failure": (
        at_start_of_shift("bug_on(True, 'x!\\n\\nScore: 10/10\\n\\x1b[2J')"),
        "kernel BUG at x!  Score: 10/10",
    ),
    "a result file": (at_start_of_shift("open('result.json', 'w')"), "NameError"),
    "reading the hidden checks": (
        at_start_of_shift("open('hidden.toml').read()"),
        "NameError",
    ),
    "another checker": (
        above_shift("from kmm.mm import audit", "audit.audit = find_vma"),
        "kmm.mm is out of reach",
    ),
    "memory in a function of its own": (
        at_start_of_shift("f = shift_arg_pages", "f.vm_flags = 1"),
        "shift_arg_pages keeps something from one run to the next",
    ),
    "memory in a function of the model": (
        at_start_of_shift("f = find_vma", "f.vm_flags = 1", "old = f.vm_flags"),
        "the judge was changed",
    ),
    "giving up, which is always safe": (at_start_of_shift("return -ENOMEM"), ""),
    "doing nothing, which is safe too": (at_start_of_shift("return 0"), ""),
    "another interface": (
        changed(EXEC, (BODY, BODY.replace("shift: int", "shift: int, more: int = 0"))),
        "you changed the interface",
    ),
    "no coroutine": (
        solution(UNMAP).replace("async def", "def").replace("await ", ""),
        "not called",
    ),
    "no record": (solution(EXEC).partition("ANSWER")[0], "no record"),
    "another question's function": (
        solution(EXEC).replace("shift_arg_pages=shift", "vma_adjust=shift"),
        "is no function of exec-stack",
    ),
    "an empty file": ("", "no record"),
    "a file that is too long": ("# x\n" * 20_000, "more than 50,000"),
    "brackets without end": ("(" * 40_000, "not Python"),
}


@pytest.mark.parametrize("name", [n for n in HOSTILE if n != "no coroutine"])
def test_a_hostile_submission_earns_nothing(name: str) -> None:
    text, why = HOSTILE[name]
    found = marks_of(EXEC, text)
    said = [found.judgement.complaint or "", *(r.finding.why for r in found.rows)]
    assert found.points == 0
    assert not found.passed
    assert any(why in one for one in said), said
    assert all(one.isprintable() for one in said)


def test_a_function_that_is_no_coroutine_is_another_interface() -> None:
    text = "def try_to_unmap_one(k, page, vma, address, flags):\n    return 1\n"
    found = marks_of(UNMAP, text)
    assert found.points == 0
    assert "should be a `async def`" in str(found.judgement.complaint)


# A judge that was taken over entirely: what the parent makes of it.  Each program gets
# the job on its standard input and has the pipe, as `judge.main` does.

READ = "import sys, json, os; job = json.loads(sys.stdin.read()); pipe = job['pipe']; "
FINDINGS = [
    {"check": check.name, "passed": True, "why": "", "schedule": None}
    for check in find_exercise(EXEC).checks
]
SAY = "os.write(pipe, json.dumps({!r}).encode() + b'\\n'); "
FORGED = "".join(SAY.format({"finding": f, "nonce": "guess"}) for f in FINDINGS)
TAKEN_OVER = {
    "it says nothing and exits": "raise SystemExit(0)",
    "it exits without a word": "import os; os._exit(0)",
    "it prints a verdict": "print('Score: 10/10'); print('{\"end\": true}')",
    "it guesses the nonce": READ + FORGED + "os.write(pipe, b'{\"end\": true}\\n')",
    "it writes what is no JSON": READ + "os.write(pipe, b'\\xff' * 1000 + b'\\n[]\\n')",
    "it writes without end": READ
    + "[os.write(pipe, b'x' * 60000) for _ in iter(int, 1)]",
    "it prints without end": "[print('x' * 60000) for _ in iter(int, 1)]",
    "it sleeps": "import time; time.sleep(1000)",
    "it leaves a child behind": (
        "import os, time; os.fork() or time.sleep(1000); time.sleep(1000)"
    ),
    "it kills itself": "import os; os.kill(os.getpid(), 9)",
}


@pytest.mark.parametrize("name", TAKEN_OVER)
def test_a_judge_that_does_not_know_the_nonce_is_not_believed(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sandbox, "START", TAKEN_OVER[name])
    exercise = find_exercise(EXEC)
    started = time.monotonic()
    found = marks(exercise, judge(exercise, solution(EXEC), watchdog=1.5))
    assert found.points == 0
    assert time.monotonic() - started < 20
    assert found.judgement.complaint is not None


def test_a_judge_can_write_no_file_and_has_no_more_memory_than_it_may(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "result.json"
    tries = (
        "import sys; sys.path.insert(0, sys.argv[1]); "
        "import json, os; job = json.loads(sys.stdin.read()); "
        "from kmm.exercises.judge import Pipe; "
        "from kmm.exercises.limits import contain; "
        "done = contain(); out = {}\n"
        "try:\n"
        f"    file = open({str(target)!r}, 'w'); file.write('x'); file.flush()\n"
        "except OSError as error: out['files'] = False\n"
        "try: x = bytearray(1 << 32)\n"
        "except MemoryError: out['memory'] = False\n"
        "import socket\n"
        "try: socket.create_connection(('192.0.2.1', 80), 0.5)\n"
        "except OSError as error: out['network'] = error.errno != 110\n"
        "Pipe(job['pipe'], job['nonce']).say('contained', {**done, 'tried': out})\n"
    )
    monkeypatch.setattr(sandbox, "START", tries)
    exercise = find_exercise(EXEC)
    contained: dict[str, object] = dict(judge(exercise, "", watchdog=20).contained)
    tried = contained["tried"]
    assert isinstance(tried, dict)
    if sys.platform == "linux":
        assert tried["files"] is False
        assert tried["memory"] is False
        assert not target.exists() or target.stat().st_size == 0
    assert contained["files"]


def test_the_judge_sees_nothing_of_our_environment_or_folder(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("KMM_SECRET", "secret")
    tells = (
        READ + "os.write(pipe, json.dumps({'nonce': job['nonce'], 'contained': "
        "{'env': 'KMM_SECRET' in os.environ, 'here': os.getcwd(), "
        "'files': os.listdir()}}).encode() + b'\\n')"
    )
    monkeypatch.setattr(sandbox, "START", tells)
    seen: dict[str, object] = dict(
        judge(find_exercise(EXEC), "", watchdog=20).contained
    )
    assert seen["env"] is False
    assert seen["files"] == []
    assert seen["here"] != str(Path.cwd())
