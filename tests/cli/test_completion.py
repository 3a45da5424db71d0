from __future__ import annotations

import subprocess

import pytest
from cli.running import kmm, refused

shtab = pytest.importorskip("shtab")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish", "tcsh"])
def test_it_knows_each_command_and_its_options(shell: str) -> None:
    ran = kmm("--completion", shell)
    assert ran.code == 0
    assert all(word in ran.out for word in ("hunt", "exercise", "kernel", "budget"))


def test_a_bash_completes_commands_by_it() -> None:
    script = kmm("--completion", "bash").out
    ask = (
        "\nCOMP_WORDS=(kmm pro); COMP_CWORD=1\n"
        "$(complete -p kmm | sed 's/.*-F \\([^ ]*\\).*/\\1/')\n"
        'printf "%s\\n" "${COMPREPLY[@]}"\n'
    )
    bash = ["bash", "--norc", "-c", script + ask]
    shown = subprocess.run(bash, capture_output=True, text=True, check=True).stdout
    assert sorted(word.strip() for word in shown.split()) == ["proc", "prove"]


def test_a_shell_that_is_not_known_is_told_which_are() -> None:
    assert refused(kmm("--completion", "ed"), "for bash, zsh, fish, tcsh")
