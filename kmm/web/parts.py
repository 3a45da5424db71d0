"""What the page is made of, got from npm and PyPI by their own programs.

Each file is held against `pins.toml`, so a page is made of what it was tried with or of
nothing.  What has been got once is kept, and needs no network again.
"""

from __future__ import annotations

import base64
import hashlib
import subprocess
import sys
import tarfile
import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path

from attrs import frozen

Fetch = Callable[[Sequence["Pin"], Path], None]

PINS = Path(__file__).with_name("pins.toml")

# Wheels of Python alone, for the Python that Pyodide is.
PURE = (
    "--platform=any",
    "--implementation=py",
    "--abi=none",
    "--only-binary=:all:",
    "--python-version=3.14",
)


class NotHad(Exception):
    """A part cannot be had; the message says which, and why."""


class WrongPart(Exception):
    """A part is not what it should be."""


@frozen
class Pin:
    """A file, as `pins.toml` has it."""

    name: str
    version: str
    algorithm: str  # sha512 as npm writes it, or sha256 as PyPI does
    digest: str

    def digest_of(self, path: Path) -> str:
        found = hashlib.new(self.algorithm, path.read_bytes())
        if self.algorithm == "sha512":
            return base64.b64encode(found.digest()).decode()
        return found.hexdigest()


def pins(section: str, path: Path = PINS) -> list[Pin]:
    """Those of "npm" or of "wheels"."""
    found = []
    for name, values in tomllib.loads(path.read_text("utf-8"))[section].items():
        version = values.pop("version")
        ((algorithm, digest),) = values.items()
        found.append(Pin(name, version, algorithm, digest))
    return found


@frozen
class Parts:
    """The files, once they are all there."""

    packages: dict[str, Path]  # of npm, by name
    wheels: dict[str, Path]

    def text(self, package: str, name: str) -> str:
        return self.read(package, name).decode("utf-8")

    def read(self, package: str, name: str) -> bytes:
        """A file of an npm package."""
        with tarfile.open(self.packages[package]) as archive:
            file = archive.extractfile(f"package/{name}")
            assert file is not None
            return file.read()

    def unpack(self, package: str, folder: Path) -> Path:
        """All of an npm package; the folder that it is in."""
        with tarfile.open(self.packages[package]) as archive:
            archive.extractall(folder, filter="data")
        return folder / "package"


def get_parts(folder: Path) -> Parts:
    """All parts; what is not in the folder yet is put there.

    Raises NotHad and WrongPart.
    """
    folder.mkdir(parents=True, exist_ok=True)
    return Parts(
        get(pins("npm"), folder, pack),
        get(pins("wheels"), folder, download),
    )


def get(wanted: Sequence[Pin], folder: Path, fetch: Fetch) -> dict[str, Path]:
    missing = [pin for pin in wanted if kept(pin, folder) is None]
    if missing:
        fetch(missing, folder)
    return {pin.name: checked(pin, kept(pin, folder)) for pin in wanted}


def kept(pin: Pin, folder: Path) -> Path | None:
    """The file of a pin, if it is there: npm and pip have their own ways to name it."""
    name = pin.name.lstrip("@").replace("/", "-")
    wheel = f"{name.replace('-', '_')}-{pin.version}-*.whl"
    found = [*folder.glob(f"{name}-{pin.version}.tgz"), *folder.glob(wheel)]
    return min(found, default=None)


def checked(pin: Pin, path: Path | None) -> Path:
    if path is None:
        raise NotHad(f"{pin.name} {pin.version} did not come")
    if pin.digest_of(path) != pin.digest:
        raise WrongPart(
            f"{path} is not what it should be: its {pin.algorithm} is "
            f"{pin.digest_of(path)}, and pins.toml has {pin.digest}"
        )
    return path


def pack(wanted: Sequence[Pin], folder: Path) -> None:
    names = [f"{pin.name}@{pin.version}" for pin in wanted]
    call("npm", "pack", "--silent", f"--pack-destination={folder}", *names)


def download(wanted: Sequence[Pin], folder: Path) -> None:
    names = [f"{pin.name}=={pin.version}" for pin in wanted]
    pip = (sys.executable, "-m", "pip", "download", "--quiet", "--no-deps")
    call(*pip, *PURE, f"--dest={folder}", *names)


def call(*command: str) -> None:
    """Run a program that gets something.  Raises NotHad."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    except OSError as error:
        raise NotHad(f"{command[0]} cannot be run: {error.strerror}") from None
    if done.returncode:
        raise NotHad(f"{' '.join(command)} failed:\n{done.stderr.strip()}")
