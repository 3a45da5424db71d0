from __future__ import annotations

from tools.left_out import ROOT, left_out, table


def test_what_a_module_leaves_out_is_told_whole() -> None:
    found = dict(left_out())
    assert found["kmm/mm/madvise.py"].startswith("MADV_WILLNEED, MADV_REMOVE")
    assert found["kmm/kernel/fork.py"].endswith("that may be committed.")
    # On the line after the words.
    assert "kmm/kernel/exit.py" in found


def test_docs_modelled_says_it() -> None:
    text = (ROOT / "docs" / "modelled.md").read_text(encoding="utf-8")
    assert table() in text, "run `python tests/tools/refresh_outputs.py`"
