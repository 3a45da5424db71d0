"""The words of the course, each in a sentence (lessons/glossary.toml)."""

from __future__ import annotations

from kmm.course.glossary import glossary

from .prose import linked, without_tags


def glossary_page() -> str:
    entries = [
        f"{term}\n  {linked(without_tags(text))}" for term, text in glossary().items()
    ]
    return "\n".join(
        [
            "# Glossary",
            "",
            "`kmm lesson --glossary` prints it.",
            "",
            ":::{glossary}",
            "\n\n".join(entries),
            ":::",
            "",
        ]
    )
