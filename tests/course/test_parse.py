"""A lesson's files become sections and blocks; what is wrong with them is said."""

from __future__ import annotations

from pathlib import Path

import pytest

from kmm.course.lesson import (
    EXERCISES,
    Code,
    Console,
    Motion,
    Prose,
    Question,
    Table,
    Toggle,
)
from kmm.course.parse import LessonError, blocks_of, read_lesson

HERE = Path("lesson.md")
FRONT = '+++\ntitle = "T"\nabstract = "A."\nneeds = ["other"]\n+++\n'
BODY = """
## What you will know

- This.

## The idea

Words.

## The code

```code
kmm.hw.paging.walk
```

## Predict

```predict
Well?
- No. :: Not so.
+ Yes. :: So.
```

## In motion

Nothing.

## The real world

Linux.
"""


def lesson_in(folder: Path, text: str = FRONT + BODY) -> Path:
    folder = folder / "some_name"
    folder.mkdir()
    (folder / "lesson.md").write_text(text, encoding="utf-8")
    (folder / "exercises.md").write_text("1. Do it.\n", encoding="utf-8")
    return folder


def test_a_lesson_has_its_name_from_its_folder_and_its_exercises_last(
    tmp_path: Path,
) -> None:
    lesson = read_lesson(lesson_in(tmp_path))
    assert lesson.name == "some-name"
    assert (lesson.title, lesson.abstract, lesson.needs) == ("T", "A.", ("other",))
    assert lesson.sections[-1].heading == EXERCISES
    assert lesson.section("The idea") is not None
    assert lesson.section("The proof") is None


@pytest.mark.parametrize(
    ("fence", "block"),
    [
        ("code\nkmm.x\nmark: a\n", Code("kmm.x", "a")),
        ("console\n$ kmm list\nraces\n", Console("kmm list", "races\n")),
        (
            'run\nrace = "r"\nkernel = "k"\nhow = "witness"\n',
            Motion("r", "k", "witness"),
        ),
        ('toggle\nrace = "r"\n[expect]\nv6 = "bug"\n', Toggle("r", (("v6", "bug"),))),
    ],
)
def test_a_fenced_block_becomes_what_its_word_says(fence: str, block: object) -> None:
    text = f"Before.\n\n```{fence}```\n\nAfter.\n"
    assert list(blocks_of(text, HERE)) == [Prose("Before."), block, Prose("After.")]


def test_a_question_has_one_right_answer_and_a_reason_for_each() -> None:
    (question,) = blocks_of("```predict\nQ?\n- a :: x\n+ b :: y\n```\n", HERE)
    assert isinstance(question, Question)
    assert question.right == 1
    assert [option.why for option in question.options] == ["x", "y"]


def test_a_table_stands_by_itself_and_one_in_a_drawing_does_not() -> None:
    table = "| a | b |\n| --- | --- |\n| 1 | 2 |"
    drawing = "```text\n| a |\n| - |\n| 1 |\n```"
    blocks = list(blocks_of(f"Before.\n\n{table}\n\nAfter.\n\n{drawing}\n", HERE))
    assert blocks[:2] == [Prose("Before."), Table(table)]
    assert len(blocks) == 3


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("no front matter", r"does not begin with \+\+\+"),
        (FRONT.replace('"T"', '""') + BODY, "title is missing"),
        (FRONT.replace("title", "title ="), "not TOML"),
        (FRONT + "Words.\n" + BODY, "before the first heading"),
        (FRONT + BODY.replace("## The idea", "## An idea"), "An idea"),
        (FRONT + BODY.replace("## In motion\n", ""), "missing .*In motion"),
        (FRONT + BODY + "\n## The idea\n\nAgain.\n", "out of order, or twice"),
        (FRONT + BODY.replace("+ Yes.", "- Yes."), "one of which is right"),
        (FRONT + BODY.replace(" :: Not so.", ""), "no ` :: `"),
    ],
)
def test_a_lesson_that_cannot_be_read_says_why(
    tmp_path: Path, text: str, complaint: str
) -> None:
    with pytest.raises(LessonError, match=complaint):
        read_lesson(lesson_in(tmp_path, text))


def test_a_folder_without_a_lesson_says_so(tmp_path: Path) -> None:
    with pytest.raises(LessonError, match=r"lesson\.md: cannot be read"):
        read_lesson(tmp_path)
