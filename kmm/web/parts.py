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
from collections.abc import Callable
from pathlib import Path

from attrs import frozen

Fetch = Callable[["Pin", Path], None]

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

    def fits(self, path: Path) -> bool:
        return self.digest_of(path) == self.digest

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
    packages = {pin.name: get(pin, folder, pack) for pin in pins("npm")}
    wheels = {pin.name: get(pin, folder, download) for pin in pins("wheels")}
    return Parts(packages, wheels)


def get(pin: Pin, folder: Path, fetch: Fetch) -> Path:
    path = kept(pin, folder)
    if path is None:
        fetch(pin, folder)
        path = kept(pin, folder)
    if path is None:
        raise NotHad(f"{pin.name} {pin.version} did not come")
    if not pin.fits(path):
        raise WrongPart(
            f"{path} is not what it should be: its {pin.algorithm} is "
            f"{pin.digest_of(path)}, and pins.toml has {pin.digest}"
        )
    return path


def kept(pin: Pin, folder: Path) -> Path | None:
    """The file of a pin, if it is there: npm and pip name theirs a little otherwise."""
    name = pin.name.lstrip("@").replace("/", "-")
    for pattern in (
        f"{name}-{pin.version}.tgz",
        f"{name.replace('-', '_')}-{pin.version}-*",
    ):
        for path in sorted(folder.glob(pattern)):
            return path
    return None


def pack(pin: Pin, folder: Path) -> None:
    into = f"--pack-destination={folder}"
    call("npm", "pack", "--silent", into, f"{pin.name}@{pin.version}")


def download(pin: Pin, folder: Path) -> None:
    pip = (sys.executable, "-m", "pip", "download", "--quiet", "--no-deps")
    call(*pip, *PURE, f"--dest={folder}", f"{pin.name}=={pin.version}")


def call(*command: str) -> None:
    """Run a program that gets something.  Raises NotHad."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    except OSError as error:
        raise NotHad(f"{command[0]} cannot be run: {error.strerror}") from None
    if done.returncode:
        raise NotHad(f"{' '.join(command)} failed:\n{done.stderr.strip()}")
