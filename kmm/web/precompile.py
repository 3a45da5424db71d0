"""Bytecode of all modules that the textbook imports, for the page to carry.

Run by `build` in Pyodide itself (precompile.mjs, by node), since bytecode is of one
version of Python.  To compile them anew in each visit would take as long as all else
that comes before the first screen.
"""

from __future__ import annotations

import importlib
import py_compile
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from importlib.machinery import ModuleSpec
from importlib.util import cache_from_source
from pathlib import Path

FIRST = "kmm.web.start"
EPOCH = (1980, 1, 1, 0, 0, 0)


def write_bytecode(target: str, packages: str, library: str) -> None:
    """An archive with what was loaded from `packages` and from `library`.

    The one is a folder, whose bytecode goes where Python looks for it there; the other
    is an archive, in which it stands beside the source.
    """
    importlib.import_module(FIRST)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as found:
        for spec in loaded():
            origin = spec.origin or ""
            if origin.startswith(f"{packages}/"):
                name = "packages" + cache_from_source(origin).removeprefix(packages)
            elif origin.startswith(f"{library}/"):
                name = "library" + origin.removeprefix(library) + "c"
            else:
                continue
            found.writestr(zipfile.ZipInfo(name, EPOCH), bytecode(spec))


def loaded() -> Iterator[ModuleSpec]:
    """What has been imported so far, and has a source."""
    for name in sorted(sys.modules):
        spec = getattr(sys.modules[name], "__spec__", None)
        if spec is not None and str(spec.origin).endswith(".py"):
            yield spec


def bytecode(spec: ModuleSpec) -> bytes:
    """It is not held against the source, which stands beside it and does not change."""
    origin, loader = spec.origin, spec.loader
    assert origin is not None
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "source.py"), Path(folder, "source.pyc")
        source.write_bytes(loader.get_data(origin))  # type: ignore[union-attr]
        py_compile.compile(
            str(source),
            str(target),
            dfile=origin,
            doraise=True,
            invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
        )
        return target.read_bytes()
