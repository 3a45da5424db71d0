from __future__ import annotations

import contextlib
import json
import os
import pty
import signal
import subprocess
import time
from pathlib import Path
from pkgutil import resolve_name

import pytest
from cli.running import COMMAND, ROOT, fresh_kmm, kmm, python, refused

from kmm import __version__
from kmm.cli import main, options

ENDLESS = ("hunt", "exec-stack", "--kernel", "v6", "--strategy", "random")
LAZY = ["argparse", "attrs", "kmm.sim", "kmm.mm", "kmm.report", "textual", "typing"]


def test_exit_code_0_when_nothing_failed() -> None:
    assert kmm("run", "exec-stack").code == 0
    assert kmm("prove", "exec-stack", "--kernel", "v6").code == 0
    assert kmm("list").code == 0
    assert kmm("diff", "v4", "v6").code == 0


def test_exit_code_1_when_a_run_failed() -> None:
    assert kmm("hunt", "exec-stack").code == 1
    assert kmm("prove", "exec-stack", "--kernel", "v4").code == 1


def test_exit_code_2_and_one_line_for_a_command_that_there_is_not() -> None:
    assert refused(kmm("hnt", "exec-stack"), "'hnt'")
    assert refused(kmm("hunt"), "RACE")
    assert refused(kmm("hunt", "exec-stack", "--budgt", "3"), "--budgt")


def test_exit_code_2_when_output_cannot_be_written() -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    with Path("/dev/full").open("w") as full:
        ran = subprocess.run(
            [*COMMAND, "list"], cwd=ROOT, stdout=full, stderr=subprocess.PIPE, text=True
        )
    assert ran.returncode == 2
    assert ran.stderr == (
        "kmm: cannot write standard output: No space left on device\n"
    )


def test_a_complaint_cannot_draw_on_the_terminal() -> None:
    ran = kmm("hunt", "exec-stack", "\x1b[2J", "a\nb")
    assert refused(ran, "unrecognized arguments")
    assert ran.err.rstrip("\n").isprintable()


def test_options_are_not_abbreviated() -> None:
    assert refused(kmm("hunt", "exec-stack", "--budg", "3"), "--budg")


def test_the_version_is_printed_by_the_option_anywhere_before_a_command() -> None:
    assert kmm("--version").out == f"kmm {__version__}\n"
    assert kmm("-q", "--version").out == f"kmm {__version__}\n"
    assert kmm("--version").code == 0


@pytest.mark.parametrize("arguments", [["--version"], ["-q", "--version"], ["--help"]])
def test_little_is_imported_to_answer_at_once(arguments: list[str]) -> None:
    lazy = LAZY if arguments == ["--version"] else LAZY[1:-1]
    ran = python(
        f"import sys; from kmm.cli.main import main; main({arguments}); "
        f"print('imported:', [m for m in {lazy} if m in sys.modules])"
    )
    assert ran.out.splitlines()[-1] == "imported: []"


def test_no_command_and_nothing_outside_the_screen_imports_textual() -> None:
    ran = python(
        "import pkgutil, sys, importlib, kmm\n"
        "for module in pkgutil.walk_packages(kmm.__path__, 'kmm.'):\n"
        "    screen = module.name.startswith(('kmm.tui', 'kmm.web'))\n"
        "    if not screen and 'main' not in module.name:\n"
        "        importlib.import_module(module.name)\n"
        "print('textual' in sys.modules, 'kmm.cli.search' in sys.modules)"
    )
    assert ran.out == "False True\n", ran.err


def test_every_command_that_has_options_is_found() -> None:
    assert list(main.COMMANDS) == list(options.COMMANDS)
    for place in main.COMMANDS.values():
        assert callable(resolve_name(f"kmm.cli.{place}"))


def test_python_m_kmm_is_the_same_command() -> None:
    ran = fresh_kmm("run", "nothing")
    assert refused(ran, "no race is called 'nothing'")


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize(
    ("command", "code"), [(["hunt", "exec-stack"], 1), (["list"], 0), (["--help"], 0)]
)
def test_a_pipe_that_closes_early_makes_no_complaint(
    command: list[str], code: int, unbuffered: str
) -> None:
    process = subprocess.Popen(
        [*COMMAND, *command],
        cwd=ROOT,
        env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    process.stdout.close()  # as `head` does when it has seen enough
    assert process.stderr is not None
    with process.stderr as stderr:
        complaint = stderr.read()
    assert (process.wait(timeout=30), complaint) == (code, "")


def interrupted(*arguments: str, after: float | None) -> tuple[int, str, str]:
    """Ctrl-C: the exit code and both outputs.

    It comes `after` so many seconds, or, with None, once progress has been shown; for
    that, standard error is a terminal.
    """
    screen, their_end = pty.openpty()
    # A shell that runs the tests in the background has them, and all that they start,
    # ignore Ctrl-C.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    process = subprocess.Popen(
        [*COMMAND, *arguments],
        cwd=ROOT,
        env={**os.environ, "TERM": "xterm"},
        stdout=subprocess.PIPE,
        stderr=their_end,
        text=True,
        start_new_session=True,
    )
    signal.signal(signal.SIGINT, before)
    os.close(their_end)
    shown = b""
    if after is None:
        while b"executions" not in shown:
            shown += os.read(screen, 1000)
    else:
        time.sleep(after)
    os.kill(process.pid, signal.SIGINT)
    out, _ = process.communicate(timeout=30)
    with contextlib.suppress(OSError):  # how a terminal says that it was left
        while more := os.read(screen, 1000):
            shown += more
    os.close(screen)
    # What was drawn over does not count.
    return process.returncode, out, shown.decode().rpartition("\x1b[K")[2]


def test_ctrl_c_reports_what_was_covered() -> None:
    code, out, err = interrupted(*ENDLESS, "--budget", "10000000", after=None)
    assert code == 130
    assert "Not seen: interrupted after " in out
    assert err == ""


def test_ctrl_c_gives_a_whole_json_object() -> None:
    code, out, err = interrupted(*ENDLESS, "--budget", "10000000", "--json", after=None)
    found = json.loads(out)
    assert code == 130
    assert (found["stopped"], found["verdict"]) == ("interrupt", "survived")
    assert found["executions"] > 0
    assert err == ""


def test_ctrl_c_leaves_no_file_and_says_so(tmp_path: Path) -> None:
    output = tmp_path / "witness.json"
    code, out, err = interrupted(
        *ENDLESS, "--seconds", "60", "--json", "-o", str(output), after=None
    )
    assert code == 130
    assert out == ""
    assert "interrupted after" in err
    assert "was not written" in err
    assert len(err.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_ctrl_c_in_the_middle_of_a_start_ends_without_a_traceback() -> None:
    code, out, err = interrupted(*ENDLESS, after=0.12)
    assert code in (130, -signal.SIGINT)  # Python itself may not be up yet
    if code == 130:
        assert out or err.split() == ["kmm:", "interrupted"]
        assert "kmm/" not in err
