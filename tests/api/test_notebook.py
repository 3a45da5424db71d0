"""The notebook in docs/ runs from its first cell to its last."""

from __future__ import annotations

import ast
import contextlib
import io
import json
from typing import Any

import pytest
from tools import refresh_outputs

pytestmark = pytest.mark.slow

NOTEBOOK = refresh_outputs.ROOT / "docs" / "notebooks" / "lecture.ipynb"


def notebook() -> dict[str, Any]:
    whole: dict[str, Any] = json.loads(NOTEBOOK.read_text(encoding="utf-8"))
    return whole


def sources(kind: str) -> list[str]:
    cells = notebook()["cells"]
    return ["".join(c["source"]) for c in cells if c["cell_type"] == kind]


def run_cell(source: str, names: dict[str, Any]) -> object:
    """Run a cell as a notebook does; what its last line is worth, if it is a value."""
    body = ast.parse(source).body
    last = body.pop() if isinstance(body[-1], ast.Expr) else None
    exec(compile(ast.Module(body, []), "cell", "exec"), names)
    if last is None:
        return None
    assert isinstance(last, ast.Expr)
    return eval(compile(ast.Expression(last.value), "cell", "eval"), names)


def test_every_cell_runs_and_what_it_shows_is_rich() -> None:
    names: dict[str, Any] = {}
    rich = 0
    for source in sources("code"):
        with contextlib.redirect_stdout(io.StringIO()):
            shown = run_cell(source, names)
        if hasattr(shown, "_repr_html_"):
            rich += 1
            assert shown._repr_html_().startswith("<div")
    assert rich >= 8
    assert names["race"].verdict == names["broken"].verdict == "bug"


def test_it_is_kept_without_outputs_and_its_cells_have_distinct_ids() -> None:
    cells = notebook()["cells"]
    assert len({cell["id"] for cell in cells}) == len(cells)
    for cell in cells:
        if cell["cell_type"] == "code":
            assert (cell["outputs"], cell["execution_count"]) == ([], None)


def test_what_the_prose_says_of_step_79_is_what_happens_there() -> None:
    (prose,) = [text for text in sources("markdown") if "After step 79" in text]
    assert "the walk on CPU 0" in prose
    names: dict[str, Any] = {}
    run_cell("import kmm", names)
    run_cell('race = kmm.replay("exec-stack/2.6.34/48a30b8a19b/3ab2")', names)
    told = names["race"].moment(79).happened
    assert "on CPU 0: vma_address: vma#1.vm_end is 0x7fffffff9000" in told


@pytest.mark.slow
def test_jupyter_runs_it_too() -> None:
    nbclient = pytest.importorskip("nbclient")
    nbformat = pytest.importorskip("nbformat")
    pytest.importorskip("ipykernel")
    whole = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(whole)
    nbclient.NotebookClient(whole, timeout=300).execute()
    kinds = {
        kind
        for cell in whole.cells
        for output in cell.get("outputs", [])
        for kind in output.get("data", {})
    }
    assert "text/html" in kinds
