from __future__ import annotations

import inspect
import json

import pytest

from kmm.designs import QUESTIONS, UnknownName
from kmm.report.difference import difference, difference_json, difference_text


def functions(one: str, other: str) -> list[str]:
    return [diff.function for diff in difference(one, other).functions]


def test_version_6_changes_who_locks_what_and_how_the_stack_is_moved() -> None:
    walks = ["vma_adjust", "rmap_walk_anon", "rmap_walk_ksm"]
    helpers = ["page_anon_vma_lock_root", "anon_vma_lock_root", "lock_own", "walk_item"]
    assert functions("vanilla", "v6") == [
        *walks,
        "locked_anon_vma",
        *helpers,
        "shift_arg_pages",
        "mm_take_all_locks",
    ]


def test_version_5_and_6_move_the_stack_alike() -> None:
    assert "shift_arg_pages" not in functions("v5", "v6")


def test_2_6_35_changes_three_functions_and_brings_one() -> None:
    changed = ["bprm_mm_init", "setup_arg_pages", "try_to_unmap_anon"]
    assert functions("vanilla", "2.6.35") == [*changed, "is_vma_temporary_stack"]


def test_a_function_that_one_side_lacks_is_shown_whole_with_one_mark() -> None:
    new = difference("vanilla", "2.6.35").functions[-1]
    assert new.files == ("", "kmm/designs/exec_stack/e10_skip_temporary.py")
    assert all(line.startswith("+") for line in new.lines)
    gone = difference("2.6.35", "vanilla").functions[-1]
    assert all(line.startswith("-") for line in gone.lines)


def test_a_difference_is_the_same_from_both_sides() -> None:
    assert functions("v6", "2.6.35") == functions("2.6.35", "v6")


def test_only_the_questions_that_are_answered_differently_are_told() -> None:
    text = difference_text(difference("vanilla", "2.6.35"))
    assert "exec-stack: unprotected -> skip-temporary" in text
    assert "rmap-walk" not in text.replace("k.rmap_walk", "")
    assert "pte-peek:" not in text


def test_two_answers_to_one_question_can_be_compared_by_their_names() -> None:
    assert functions("unprotected", "temporary-vma") == ["shift_arg_pages"]
    assert functions("exec-stack=unprotected", "temporary-vma") == ["shift_arg_pages"]


@pytest.mark.parametrize("pair", [("unprotected", "v5"), ("vanilla", "temporary-vma")])
def test_a_design_can_be_compared_with_a_kernels_answer(pair: tuple[str, str]) -> None:
    assert functions(*pair) == ["shift_arg_pages"]


def test_a_kernel_with_another_answer_can_be_compared() -> None:
    found = difference("v6", "v6,pte-peek=unlocked")
    assert [(a.name, b.name) for a, b in found.answers] == [("locked", "unlocked")]


def test_the_same_kernel_under_two_names_does_not_differ() -> None:
    found = difference("v6", "fixraces")
    assert found.functions == ()
    assert difference_text(found) == "v6 and fixraces are the same in every answer."


def test_without_its_plus_lines_a_diff_is_the_first_function_whole() -> None:
    found = difference("unprotected", "temporary-vma")
    (diff,) = found.functions
    first = [line[1:] for line in diff.lines if not line.startswith("+")]
    second = [line[1:] for line in diff.lines if not line.startswith("-")]
    answers = QUESTIONS["exec-stack"]
    for name, lines in (("unprotected", first), ("temporary-vma", second)):
        function = answers[name].functions()["shift_arg_pages"]
        assert "\n".join(lines) == inspect.getsource(function).rstrip("\n")


def test_each_side_says_in_which_file_it_is() -> None:
    text = difference_text(difference("vanilla", "v6"))
    assert "- in kmm/fs/exec.py" in text
    assert "+ in kmm/designs/exec_stack/e07_temporary_vma.py" in text


def test_what_is_said_of_the_designs_fits_80_columns() -> None:
    text = difference_text(difference("v4", "v6"), 80, stories=True)
    prose = text.partition("async def")[0]
    assert max(len(line) for line in prose.splitlines()) <= 88  # docstrings are 88
    short = difference_text(difference("v4", "v6"), 80).partition("async def")[0]
    assert max(len(line) for line in short.splitlines()) <= 80


def test_the_stories_are_told_only_on_request() -> None:
    found = difference("vanilla", "v6")
    assert "Rik van Riel on its cost" in difference_text(found, stories=True)
    assert "Rik van Riel on its cost" not in difference_text(found)


def test_answers_to_different_questions_cannot_be_compared() -> None:
    with pytest.raises(UnknownName, match="no answer to pte-peek is called 'unprot"):
        difference("locked", "unprotected")


@pytest.mark.parametrize("pair", [("nope", "v6"), ("v6", "nope"), ("locked", "nope")])
def test_an_unknown_name_is_answered_with_what_there_is(pair: tuple[str, str]) -> None:
    with pytest.raises(UnknownName, match=r"'nope'; there is .*temporary-vma"):
        difference(*pair)


def test_json_has_the_same_functions_and_lines() -> None:
    found = difference("vanilla", "2.6.35")
    whole = json.loads(json.dumps(difference_json(found)))
    assert (whole["a"], whole["b"]) == ("vanilla", "2.6.35")
    assert whole["questions"] == [
        {"question": "exec-stack", "a": "unprotected", "b": "skip-temporary"}
    ]
    for told, diff in zip(whole["functions"], found.functions, strict=True):
        assert told["function"] == diff.function
        assert told["question"] == "exec-stack"
        assert tuple(told["diff"]) == diff.lines


@pytest.mark.parametrize(
    ("one", "other", "questions"),
    [
        ("2.6.34", "2.6.35", ["exec-stack"]),
        ("2.6.35", "2.6.34", ["exec-stack"]),
        ("2.6.34", "2.6.34,pte-peek=unlocked", ["pte-peek"]),
        ("2.6.34", "temporary-vma", ["exec-stack"]),
        ("2.6.34", "6.x", ["call-rules"]),
    ],
)
def test_a_name_of_both_is_the_kernels_unless_the_other_is_an_answer_alike(
    one: str, other: str, questions: list[str]
) -> None:
    found = difference(one, other).answers
    assert [a.question for a, _ in found] == questions
