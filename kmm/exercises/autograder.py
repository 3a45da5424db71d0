"""The autograder of an exercise, as the zip that Gradescope takes.

In it are this kmm, the exercise with its checks but not its solution, and attrs, the
one package that judging needs: nothing is fetched but Python itself, where the image
has none that is new enough.

Gradescope unpacks it into /autograder/source and runs `setup.sh` once.  For each
submission it then runs a copy of `run_autograder` in /autograder, beside the folder
`submission`, and reads `results/results.json`.
"""

from __future__ import annotations

import shlex
import zipfile
from collections.abc import Iterator
from importlib.metadata import files as files_of
from pathlib import Path

from ..scenarios.found import PACKAGE, own_lessons
from .desk import DeskError
from .exercise import Exercise

SCRIPTS = ("setup.sh", "run_autograder")  # they may be executed
LEFT_OUT = ("solution.", "starter.", "__pycache__")
WHEN = (1980, 1, 1, 0, 0, 0)  # the same files make the same zip

FIND_PYTHON = """\
find_python() {
    local each
    for each in python3 python3.14 python3.13 python3.12 python3.11; do
        if "$each" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
        then
            echo "$each"
            return
        fi
    done
    return 1
}
"""
SETUP = f"""\
#!/usr/bin/env bash
# Makes sure that there is a Python 3.11 or newer; all else is in the zip.
set -eu
{FIND_PYTHON}
if ! find_python; then
    apt-get update
    apt-get install -y python3.12 || apt-get install -y python3.11
    find_python
fi
"""
RUN = f"""\
#!/usr/bin/env bash
# Judges what a student has handed in, and says so in results/results.json.
set -u
{FIND_PYTHON}
here=$(cd "$(dirname "${{BASH_SOURCE[0]}}")" && pwd)
cd "$here" || exit
export PYTHONPATH=$here/source
"$(find_python)" -m kmm exercise grade NAME submission OPTIONS \\
    --format gradescope --output results/results.json
# 0 is for full marks, 1 for less; anything else is no verdict.
[ $? -le 1 ]
"""


def write_autograder(
    exercise: Exercise, path: Path, *, hidden: Path | None, seed: int | None
) -> None:
    """Write the zip.  Raises DeskError."""
    run = RUN.replace("NAME", shlex.quote(exercise.name))
    run = run.replace("OPTIONS", "" if seed is None else f"--seed {seed}")
    texts = {"setup.sh": SETUP, "run_autograder": run}
    try:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, text in texts.items():
                put(archive, name, text.encode())
            for name, file in sorted(contents(exercise, hidden)):
                put(archive, name, file.read_bytes())
    except OSError as error:
        raise DeskError(f"cannot write {path}: {error.strerror}") from None


def put(archive: zipfile.ZipFile, name: str, data: bytes) -> None:
    entry = zipfile.ZipInfo(name, WHEN)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = (0o755 if name in SCRIPTS else 0o644) << 16
    archive.writestr(entry, data)


def contents(exercise: Exercise, hidden: Path | None) -> Iterator[tuple[str, Path]]:
    """What is in it beside the scripts: each name, and the file that it is of."""
    yield from below(PACKAGE, "kmm")
    for path in own_lessons().glob("*/scenario.py"):  # races that a check may name
        yield f"lessons/{path.parent.name}/scenario.py", path
    place = f"lessons/exercises/{exercise.name.replace('-', '_')}"
    for name, path in below(exercise.folder, place):
        if hidden is None or path.name != "hidden.toml":
            yield name, path
    if hidden is not None:
        yield f"{place}/hidden.toml", hidden
    yield from attrs()


def below(folder: Path, name: str) -> Iterator[tuple[str, Path]]:
    """The files of a folder, at any depth; lessons and solutions stay here."""
    for path in folder.iterdir():
        if path.name.startswith(LEFT_OUT) or path == PACKAGE / "lessons":
            continue
        if path.is_dir():
            yield from below(path, f"{name}/{path.name}")
        else:
            yield f"{name}/{path.name}", path


def attrs() -> Iterator[tuple[str, Path]]:
    """The package attrs as it is installed here, with its licence."""
    for file in files_of("attrs") or ():
        if "__pycache__" not in file.parts and ".." not in file.parts:
            yield file.as_posix(), Path(str(file.locate()))
