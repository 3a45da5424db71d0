"""Page tables as a tree, and the path of the last walk."""

from __future__ import annotations

from seeing import drawn, first, moments, session


def test_the_path_of_a_walk_grows_level_by_level() -> None:
    lit = []
    for seen in moments(session()):
        step = seen.step
        if step and step.target.startswith("entry ") and step.kind == "read":
            tree = [line for line in drawn(seen, "page-table") if "[0x" in line]
            lit.append(
                [line[2:].split("[")[0].strip() for line in tree if line[0] == ">"]
            )
    assert lit[:4] == [
        ["pgd"],
        ["pgd", "pud"],
        ["pgd", "pud", "pmd"],
        ["pgd", "pud", "pmd", "pte"],
    ]


def test_an_entry_that_was_emptied_is_shown_and_marked() -> None:
    said = first(session(), "page-table", "*", "empty")
    assert "*    pte[0x1fe] 0x7fffffffe000  empty  (walked)" in said


def test_whose_walk_it_was_is_said() -> None:
    said = first(session(), "page-table", "by the MMU of CPU 1")
    assert "in strnlen_user()" in said[0]


def test_the_entries_of_two_processes_at_one_address_are_kept_apart() -> None:
    """A child has its parent's addresses: what changes in one is not marked in both."""
    said = [
        [line for line in drawn(seen, "page-table") if "pte[" in line]
        for seen in moments(session("fork-copy"))
    ]
    both = [lines for lines in said if len(lines) == 2]
    assert both
    assert not any(lines[0][0] == lines[1][0] == "*" for lines in both)
