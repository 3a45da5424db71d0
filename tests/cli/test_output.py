from __future__ import annotations

import json
import os
import subprocess
import threading
from argparse import Namespace
from pathlib import Path

import pytest
from cli.running import COMMAND, ROOT, kmm, pretend_terminal, refused

from kmm.cli.exits import Usage
from kmm.cli.output import GREEN, PLAIN, RED, color_diff, deliver, text_width


def colored(text: str, *, no_color: bool = False) -> str:
    return color_diff(text, Namespace(no_color=no_color))


def test_a_diff_on_a_terminal_has_colours_and_keeps_its_signs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pretend_terminal(monkeypatch, "stdout")
    text = colored(" same\n-old\n+new\n")
    assert text == f" same\n{RED}-old{PLAIN}\n{GREEN}+new{PLAIN}\n"


def test_no_colours_where_they_are_not_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend_terminal(monkeypatch, "stdout")
    assert colored("-old", no_color=True) == "-old"
    with monkeypatch.context() as patch:
        patch.setenv("NO_COLOR", "1")
        assert colored("-old") == "-old"
    with monkeypatch.context() as patch:
        patch.setenv("TERM", "dumb")
        assert colored("-old") == "-old"


def test_no_colours_in_a_pipe() -> None:
    assert "\x1b" not in kmm("diff", "vanilla", "v6").out


@pytest.mark.parametrize(
    ("columns", "width"), [("40", 60), ("72", 72), ("80", 80), ("200", 120)]
)
def test_reports_fill_a_terminal_within_reason(
    columns: str, width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    pretend_terminal(monkeypatch, "stdout")
    monkeypatch.setenv("COLUMNS", columns)
    assert text_width() == width


def test_reports_in_a_pipe_are_80_columns_wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    for command in (["hunt", "exec-stack"], ["list"]):
        lines = kmm(*command).out.splitlines()
        assert max(len(line) for line in lines) <= 80


def test_a_file_gets_what_would_have_been_printed(tmp_path: Path) -> None:
    file = tmp_path / "report.txt"
    ran = kmm("hunt", "exec-stack", "-o", str(file))
    assert (ran.code, ran.out, ran.err) == (1, "", "")
    assert file.read_text() == kmm("hunt", "exec-stack").out
    assert list(tmp_path.iterdir()) == [file]


def test_a_file_that_was_there_is_replaced_and_keeps_its_mode(tmp_path: Path) -> None:
    file = tmp_path / "report.json"
    file.write_text("old")
    file.chmod(0o640)
    kmm("run", "exec-stack", "--json", "-o", str(file))
    assert json.loads(file.read_text())["race"] == "exec-stack"
    assert file.stat().st_mode & 0o777 == 0o640


def test_a_new_file_has_the_mode_that_the_umask_leaves(tmp_path: Path) -> None:
    mask = os.umask(0o027)
    try:
        deliver("x", str(tmp_path / "new"))
    finally:
        os.umask(mask)
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o640


def test_a_link_is_followed_not_replaced(tmp_path: Path) -> None:
    file, link = tmp_path / "file", tmp_path / "link"
    file.write_text("old")
    link.symlink_to(file)
    deliver("new", str(link))
    assert link.is_symlink()
    assert file.read_text() == "new"


def test_what_is_no_file_is_written_to_not_replaced(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    heard: list[str] = []
    reader = threading.Thread(target=lambda: heard.append(pipe.read_text()))
    reader.start()
    deliver("through the pipe", str(pipe))
    reader.join(timeout=10)
    assert heard == ["through the pipe"]
    assert pipe.is_fifo()


@pytest.mark.parametrize(
    ("output", "cause"),
    [
        ("", "Is a directory"),
        (".", "Is a directory"),
        ("missing/report", "No such file or directory"),
        ("file/report", "Not a directory"),
        ("x" * 300, "File name too long"),
    ],
)
@pytest.mark.parametrize("command", ["run", "hunt", "prove"])
def test_output_that_cannot_be_written_is_refused_before_the_search(
    command: str,
    output: str,
    cause: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def search(*_: object, **__: object) -> None:
        raise AssertionError("searched for nothing")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("kmm.scenarios.play.hunt", search)
    monkeypatch.setattr("kmm.scenarios.play.run", search)
    (tmp_path / "file").write_text("kept")
    assert refused(kmm(command, "exec-stack", "-o", output), cause)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert (tmp_path / "file").read_text() == "kept"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_files_and_directories_that_may_not_be_written_are_refused(
    tmp_path: Path,
) -> None:
    (tmp_path / "file").write_text("kept")
    (tmp_path / "file").chmod(0o444)
    assert refused(
        kmm("run", "exec-stack", "-o", str(tmp_path / "file")), "Permission denied"
    )
    tmp_path.chmod(0o555)
    assert refused(
        kmm("run", "exec-stack", "-o", str(tmp_path / "new")), "Permission denied"
    )
    tmp_path.chmod(0o755)


def test_nothing_is_left_of_a_file_that_could_not_be_finished(tmp_path: Path) -> None:
    file = tmp_path / "report"
    file.write_text("old")
    with pytest.raises(UnicodeEncodeError):
        deliver("half of it\ud800", str(file))
    assert list(tmp_path.iterdir()) == [file]
    assert file.read_text() == "old"


def test_a_full_disk_is_a_complaint_in_one_line() -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    with pytest.raises(Usage, match="cannot write '/dev/full': No space left"):
        deliver("x", "/dev/full")


def test_closed_outputs_do_no_harm() -> None:
    for closed in (">&-", "2>&-"):
        ran = subprocess.run(
            f'"{COMMAND[0]}" -m kmm hunt exec-stack --json {closed}',
            shell=True,
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert ran.returncode == 1
        assert ran.stderr == ""
