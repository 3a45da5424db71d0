from __future__ import annotations

from pathlib import Path

import build
import pytest


def test_a_folder_with_something_else_in_it_is_left_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    assert build.main(["--output", str(tmp_path)]) == 2
    assert "is not a folder that is empty" in capsys.readouterr().err
    assert (tmp_path / "thesis.txt").exists()
    assert build.main(["--output", str(tmp_path / "thesis.txt")]) == 2


def test_help_says_where_the_site_goes(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        build.main(["--help"])
    assert "build/site" in capsys.readouterr().out
