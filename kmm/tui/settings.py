"""What a reader has settled for themselves: colours, and other keys.

`$XDG_CONFIG_HOME/kmm/config.toml`:

    theme = "textual-light"
    projector = true            # high contrast, nothing dim, one thing at a time

    [keys]                      # ids as `kmm doctor` and the help list them
    "step.forward" = "space,full_stop"

What is wrong with it is said once, and the rest counts.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Collection
from pathlib import Path
from typing import Any

from attrs import field, frozen
from textual.theme import Theme

# For a wall at the far end of a room: black on white, and no greys that wash out.
PROJECTOR = Theme(
    name="projector",
    primary="#003399",
    secondary="#003399",
    accent="#8a2500",
    warning="#8a2500",
    error="#b00000",
    success="#005500",
    foreground="#000000",
    background="#ffffff",
    surface="#ffffff",
    panel="#e6e6e6",
    dark=False,
)


@frozen
class Settings:
    """What the file says, as far as it can be used."""

    theme: str | None = None
    projector: bool = False
    keys: dict[str, str] = field(factory=dict)  # the id of a binding -> its keys
    problems: tuple[str, ...] = ()


def load_settings(known: Collection[str], path: Path | None = None) -> Settings:
    """The settings of this user; `known` are the ids of bindings that there are."""
    path = path or usual_path()
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Settings()
    except (OSError, ValueError) as error:
        return Settings(problems=(f"{path} cannot be used: {error}",))
    return checked(values, known, path)


def checked(values: dict[str, Any], known: Collection[str], path: Path) -> Settings:
    """Each setting by itself, so that one mistake does not undo the rest."""
    problems = [
        f"{path}: there is no setting {name!r}"
        for name in values
        if name not in ("theme", "projector", "keys")
    ]
    theme, projector, keys = (
        values.get("theme"),
        values.get("projector", False),
        values.get("keys", {}),
    )
    if theme is not None and not isinstance(theme, str):
        problems.append(f"{path}: theme is the name of a theme, in quotes")
        theme = None
    if not isinstance(projector, bool):
        problems.append(f"{path}: projector is true or false")
        projector = False
    good: dict[str, str] = {}
    for name, value in keys.items() if isinstance(keys, dict) else ():
        if name not in known:
            problems.append(f"{path}: no key is called {name!r}; ? lists them")
        elif not isinstance(value, str) or not value:
            problems.append(f"{path}: the keys of {name!r} are words with commas")
        else:
            good[name] = value
    return Settings(theme, projector, good, tuple(problems))


def usual_path() -> Path:
    base = os.environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config")  # noqa: PTH111
    return Path(base) / "kmm" / "config.toml"
