"""The textbook: lesson."""

from __future__ import annotations

import argparse

from .common import add_json, add_output


def add_lesson(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "A lesson as plain text, for screen readers and pipes; without NAME, which\n"
        "there are, and what was read of them (`kmm` alone opens them on a screen)."
    )
    parser.add_argument(
        "name", nargs="?", metavar="NAME", help="a lesson, or its number"
    )
    parser.add_argument(
        "--answers", action="store_true", help="say which answers are right, and why"
    )
    parser.add_argument(
        "--check",
        action="store_true",
        help="for authors: run all that it claims, and say what is not so",
    )
    parser.add_argument(
        "--glossary", action="store_true", help="what the words of the course mean"
    )
    add_json(parser)
    add_output(parser)
    parser.epilog = (
        "examples:\n"
        "  kmm lesson\n"
        "  kmm lesson page-walk\n"
        "  kmm lesson 1 --answers\n"
        "  kmm lesson --glossary\n\n"
        "exit code: 0; 1 if --check found something"
    )
