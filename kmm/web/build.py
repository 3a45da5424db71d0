"""Put the page together.

    python -m kmm.web.build kmm.html             one file, to be opened by double-click
    python -m kmm.web.build --folder site        a folder for a web server

Takes node with npm, pip, and the network the first time.  The same parts make the same
bytes.  Exits with 2 if something is wrong, and with 3 if a part cannot be had.
"""

from __future__ import annotations

import argparse
import base64
import gzip
import io
import json
import os
import re
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from .. import __version__
from ..scenarios.found import own_lessons
from .parts import NotHad, Parts, WrongPart, call, get_parts, pins

HERE = Path(__file__).parent
SOURCES = HERE / "html"
PACKAGE = HERE.parent
# Of kmm.
NOT_RUN = (
    "web/html/",
    "web/build.py",
    "web/parts.py",
    "web/pins.toml",
    "web/precompile.mjs",
)

# Of Pyodide; worker.js asks for them by these names.
CORE = ("pyodide.mjs", "pyodide.asm.mjs", "pyodide.asm.wasm")
LIBRARY, LOCK, PACKAGES = "python_stdlib.zip", "pyodide-lock.json", "packages.zip"

PACKED = 7  # of 9: the rest makes a hundredth, and takes three times as long

USAGE, NOT_HAD = 2, 3  # exit codes

EPOCH = (1980, 1, 1, 0, 0, 0)  # of every file in an archive


def main(argv: Sequence[str] | None = None) -> int:
    options = parser().parse_args(argv)
    if not options.file and not options.folder:
        return complain("name a FILE, or a --folder, or both", USAGE)
    try:
        parts = get_parts(options.parts)
        carried = assets(parts)
        if options.file:
            shown(options.file, write_file(options.file, parts, carried))
        if options.folder:
            shown(options.folder, write_folder(options.folder, parts, carried))
    except NotHad as error:
        return complain(str(error), NOT_HAD)
    except WrongPart as error:
        return complain(str(error), USAGE)
    except OSError as error:
        return complain(f"cannot write {error.filename}: {error.strerror}", USAGE)
    return 0


def complain(text: str, code: int) -> int:
    print(f"kmm.web.build: {text}", file=sys.stderr)  # noqa: T201
    return code


def shown(path: Path, size: int) -> None:
    print(f"{path}: {size / 1e6:.1f} MB")  # noqa: T201


def parser() -> argparse.ArgumentParser:
    found = argparse.ArgumentParser(
        prog="python -m kmm.web.build",
        description="kmm as a page for a browser: one file that needs no server and "
        "no network, or a folder for a web server, or both.",
        epilog="Takes node with npm, pip, and the network the first time.  Exits with "
        "2 if something is wrong, and with 3 if a part cannot be had.",
    )
    found.add_argument(
        "file", type=Path, nargs="?", metavar="FILE", help="the page, all in one"
    )
    found.add_argument(
        "--folder", type=Path, help="the page and what it carries, for a web server"
    )
    found.add_argument(
        "--parts",
        type=Path,
        metavar="FOLDER",
        default=usual_folder(),
        help="where what npm and pip have got is kept (default: %(default)s)",
    )
    return found


def usual_folder() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")  # noqa: PTH111
    return Path(base) / "kmm" / "web"


# What the page carries.


def assets(parts: Parts) -> dict[str, bytes]:
    """What goes to the worker, by name, each packed."""
    plain = {name: parts.read("pyodide", name) for name in CORE}
    plain[LOCK] = lock_alone(parts.read("pyodide", LOCK))
    packages = dict(package_files(parts))
    library = files_of(parts.read("pyodide", LIBRARY))
    bytecode = compiled(parts, archive(packages))
    plain[PACKAGES] = archive(packages | below("packages/", bytecode))
    plain[LIBRARY] = archive(library | below("library/", bytecode))
    return {name: gzip.compress(data, PACKED, mtime=0) for name, data in plain.items()}


def compiled(parts: Parts, packages: bytes) -> dict[str, bytes]:
    """What `precompile` makes, in Pyodide.  Raises NotHad."""
    with tempfile.TemporaryDirectory() as folder:
        here, out = Path(folder, PACKAGES), Path(folder, "out.zip")
        here.write_bytes(packages)
        pyodide = parts.unpack("pyodide", Path(folder))
        call("node", str(HERE / "precompile.mjs"), str(pyodide), str(here), str(out))
        return files_of(out.read_bytes())


def below(prefix: str, files: Mapping[str, bytes]) -> dict[str, bytes]:
    return {
        name.removeprefix(prefix): data
        for name, data in files.items()
        if name.startswith(prefix)
    }


def lock_alone(text: bytes) -> bytes:
    """Pyodide's list of packages, without any: what the page needs is in it."""
    return json.dumps({**json.loads(text), "packages": {}}).encode()


def package_files(parts: Parts) -> Iterator[tuple[str, bytes]]:
    """What is installed: the wheels, kmm as it is here, and its lessons in it."""
    for wheel in parts.wheels.values():
        yield from files_of(wheel.read_bytes()).items()
    for path in files_in(PACKAGE):
        name = path.relative_to(PACKAGE).as_posix()
        if not name.startswith((*NOT_RUN, "lessons/")):
            yield f"kmm/{name}", path.read_bytes()
    lessons = own_lessons()
    for path in files_in(lessons):
        yield f"kmm/lessons/{path.relative_to(lessons).as_posix()}", path.read_bytes()


def files_in(folder: Path) -> list[Path]:
    return sorted(
        path
        for path in folder.rglob("*")
        if path.is_file() and path.parent.name != "__pycache__"
    )


def files_of(data: bytes) -> dict[str, bytes]:
    """The files in an archive, by name."""
    with zipfile.ZipFile(io.BytesIO(data)) as found:
        return {name: found.read(name) for name in found.namelist() if name[-1] != "/"}


def archive(files: Mapping[str, bytes]) -> bytes:
    """Not packed: all that the page carries is, as a whole."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as found:
        for name, data in files.items():
            found.writestr(zipfile.ZipInfo(name, EPOCH), data)
    return target.getvalue()


# The page itself.


def write_file(out: Path, parts: Parts, carried: Mapping[str, bytes]) -> int:
    """Everything in one; the number of bytes."""
    elements = "\n".join(
        f'<script type="text/plain" class="asset" data-name="{name}">'
        f"{base64.b64encode(packed).decode()}</script>"
        for name, packed in carried.items()
    )
    text = page(parts, elements, connect="blob:")
    out.write_text(text, encoding="utf-8")
    return len(text.encode())


def write_folder(out: Path, parts: Parts, carried: Mapping[str, bytes]) -> int:
    """The page, and what it carries beside it; the number of bytes."""
    folder = out / "assets"
    folder.mkdir(parents=True, exist_ok=True)
    elements, size = [], 0
    for name, packed in carried.items():
        # No server takes .bin for something that it should unpack on the way.
        path = folder / f"{name}.bin"
        path.write_bytes(packed)
        size += len(packed)
        elements.append(
            f'<script type="text/plain" class="asset" data-name="{name}" '
            f'data-src="assets/{path.name}"></script>'
        )
    text = page(parts, "\n".join(elements), connect="blob: 'self'")
    (out / "index.html").write_text(text, encoding="utf-8")
    return size + len(text.encode())


def page(parts: Parts, elements: str, *, connect: str) -> str:
    """The page, with its programs in it."""
    filling = {
        "connect": connect,
        "version": __version__,
        "made of": made_of(),
        "xterm.css": parts.text("@xterm/xterm", "css/xterm.css"),
        "xterm.js": script(parts.text("@xterm/xterm", "lib/xterm.js")),
        "addon-fit.js": script(parts.text("@xterm/addon-fit", "lib/addon-fit.js")),
        "page.css": source("page.css"),
        "page.js": script(source("page.js")),
        "worker.js": script(source("worker.js")),
        "assets": elements,
    }
    return filled(source("page.html"), filling)


def source(name: str) -> str:
    return (SOURCES / name).read_text(encoding="utf-8")


def script(text: str) -> str:
    """To stand in a page: it ends where the page says, and names no other file."""
    text = re.sub(r"^//# sourceMappingURL=.*$", "", text, flags=re.M)
    return text.replace("</script", r"<\/script").replace("<!--", r"<\!--")


def filled(template: str, filling: Mapping[str, str]) -> str:
    return re.sub(r"\{\{(.+?)\}\}", lambda found: filling[found[1]], template)


def made_of() -> str:
    """For who wants to know: everything in the page has its licence with it."""
    every = [*pins("npm"), *pins("wheels")]
    return ", ".join(f"{pin.name} {pin.version}" for pin in every)


if __name__ == "__main__":
    sys.exit(main())
