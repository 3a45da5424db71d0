"""What tests of the screen ask for by name."""

from __future__ import annotations

import pytest
from tui.sessions import opened

from kmm.tui.session import Session


@pytest.fixture
def session() -> Session:
    """The run of exec-stack that fails on 2.6.34, at its start."""
    return opened("2.6.34")
