"""`kmm --completion SHELL`: what lets a shell complete kmm's commands."""

from __future__ import annotations

from .exits import OK, Usage
from .options import COMMANDS, make_parser
from .output import deliver

SHELLS = ("bash", "zsh", "fish", "tcsh")


def print_completion(shell: str) -> int:
    """Print a script for a shell.  Raises Usage."""
    if shell not in SHELLS:
        raise Usage(f"no completion for {shell!r}, but for {', '.join(SHELLS)}")
    try:
        import shtab
    except ImportError:
        raise Usage(
            "--completion needs shtab: pip install 'kmm-lab[completion]'"
        ) from None
    # All commands are named, so the parser has the options of all.
    deliver(shtab.complete(make_parser(list(COMMANDS)), shell) + "\n", None)
    return OK
