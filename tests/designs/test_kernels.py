"""Kernels by name: what each is made of, and how others are made from them."""

from __future__ import annotations

import pytest

from kmm.designs import (
    ALIASES,
    KERNELS,
    QUESTIONS,
    UnknownName,
    find_kernel,
    parse_kernel,
)

# Which answers history has for each: how walks and changes agree, how a stack is
# moved, in which order all anon_vmas of an address space are locked.
HISTORY = {
    "2.6.34": ("local-lock", "unprotected", "newest-first"),
    "v2": ("trylock-retry", "lazy-cleanup", "newest-first"),
    "v3": ("heavy-lock", "skip-single-vma", "newest-first"),
    "v4": ("heavy-lock", "temporary-vma-new-first", "newest-first"),
    "v5": ("trylock-retry", "temporary-vma", "newest-first"),
    "v6": ("root-order", "temporary-vma", "oldest-first"),
    "2.6.35": ("local-lock", "skip-temporary", "newest-first"),
    "2.6.36": ("root-lock", "skip-temporary", "root-mark"),
}


@pytest.mark.parametrize("name", HISTORY)
def test_a_kernel_has_the_answers_of_its_time(name: str) -> None:
    spec = find_kernel(name)
    found = (spec.rmap_walk.name, spec.exec_stack.name, spec.take_all_locks.name)
    assert found == HISTORY[name]
    # The questions that are not about a time are answered alike.
    assert (spec.pte_peek.name, spec.tlb_flush.name) == ("locked", "flush")
    assert (spec.anon_vma_pin.name, spec.call_rules.name) == ("refcount", "2.6.34")


def test_all_kernels_are_those_of_history_in_its_order() -> None:
    assert list(KERNELS) == list(HISTORY)
    assert dict(ALIASES) == {"vanilla": "2.6.34", "fixraces": "v6"}


def test_every_answer_names_its_question_its_story_and_its_price() -> None:
    for question, answers in QUESTIONS.items():
        for name, answer in answers.items():
            assert (answer.question, answer.name) == (question, name)
            assert answer.story
            assert answer.closes
            assert answer.costs


def test_another_answer_is_another_kernel_with_the_rest_as_it_was() -> None:
    spec = parse_kernel("v6,pte-peek=unlocked,rmap-walk=heavy-lock")
    assert (spec.pte_peek.name, spec.rmap_walk.name) == ("unlocked", "heavy-lock")
    assert spec.exec_stack is find_kernel("v6").exec_stack
    assert spec.text == "v6,pte-peek=unlocked,rmap-walk=heavy-lock"
    assert parse_kernel(spec.text) == spec


def test_the_answer_that_a_kernel_has_anyway_replaces_nothing() -> None:
    assert parse_kernel("v6,pte-peek=locked") is find_kernel("v6")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("2.6.37", "no kernel is called '2.6.37' (did you mean 2.6.3"),
        ("v6,peek=locked", "no question is called 'peek'"),
        ("v6,pte-peek=lock", "no answer to pte-peek is called 'lock' (did you mean lo"),
        ("v6,", "no question is called ''"),
    ],
)
def test_an_unknown_name_is_told_with_what_comes_near(text: str, told: str) -> None:
    with pytest.raises(UnknownName) as caught:
        parse_kernel(text)
    assert told in str(caught.value)
    assert "; there is " in str(caught.value)


def test_an_error_lists_as_many_names_as_can_be_read_and_counts_the_rest() -> None:
    names = [f"a-name-of-some-length-{n}" for n in range(100)]
    message = str(UnknownName("race", "no-such", names))
    assert "there is a-name-of-some-length-0, a-name-of-some-length-1, " in message
    assert len(message) < 320
    shown = message.count("a-name-of")
    assert f" and {100 - shown} more (see kmm list)" in message
    few = str(UnknownName("race", "no-such", names[:3]))
    assert few.endswith("-0, a-name-of-some-length-1, a-name-of-some-length-2")
