"""What docs/python.md shows is so."""

from __future__ import annotations

import doctest
import re

import pytest
from tools import refresh_outputs

import kmm

pytestmark = pytest.mark.slow

PAGE = refresh_outputs.ROOT / "docs" / "python.md"
BLOCK = re.compile(r"^```pycon\n(.*?)^```$", re.S | re.M)


@pytest.fixture(scope="module")
def page() -> str:
    return PAGE.read_text(encoding="utf-8")


def test_every_example_gives_what_stands_below_it(page: str) -> None:
    """All blocks are one session, from the first to the last."""
    session = "\n".join(block[1] for block in BLOCK.finditer(page))
    test = doctest.DocTestParser().get_doctest(session, {}, "python.md", str(PAGE), 0)
    said: list[str] = []
    runner = doctest.DocTestRunner(verbose=False)
    runner.run(test, out=said.append)
    assert runner.tries > 30
    assert not said, "".join(said)


def test_every_name_is_documented_and_no_other_is(page: str) -> None:
    named = set(re.findall(r"\bkmm\.(\w+)", page))
    listed = re.search(r"^`kmm\.races`, (.*) list;", page, re.MULTILINE)
    assert listed is not None
    named |= set(re.findall(r"\w+", listed[1])) & {*kmm.API}
    functions = {name for name in kmm.API if name[0].islower()}
    assert named == functions
