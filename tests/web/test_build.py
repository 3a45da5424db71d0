"""How the page is put together, as far as that takes no network."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import re
import sys
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from kmm.web import build, parts
from kmm.web.parts import NotHad, Parts, Pin, WrongPart, checked, get, pins
from kmm.web.precompile import bytecode

ROOT = Path(build.__file__).parents[2]


def packed(path: Path, files: Mapping[str, str]) -> Path:
    """An npm package."""
    with tarfile.open(path, "w:gz") as archive:
        for name, text in files.items():
            found = tarfile.TarInfo(f"package/{name}")
            found.size = len(text)
            archive.addfile(found, io.BytesIO(text.encode()))
    return path


@pytest.fixture
def made(tmp_path: Path) -> Parts:
    """Parts of a few letters each."""
    xterm = {
        "css/xterm.css": ".x {}",
        "lib/xterm.js": "'</script>'\n//# sourceMappingURL=a",
    }
    return Parts(
        {
            "@xterm/xterm": packed(tmp_path / "x.tgz", xterm),
            "@xterm/addon-fit": packed(tmp_path / "f.tgz", {"lib/addon-fit.js": "1"}),
        },
        {},
    )


CARRIED = {"packages.zip": gzip.compress(b"zip", mtime=0)}


def test_the_file_has_everything_in_it(made: Parts, tmp_path: Path) -> None:
    size = build.write_file(tmp_path / "kmm.html", made, CARRIED)
    text = (tmp_path / "kmm.html").read_text()
    assert len(text.encode()) == size
    assert "{{" not in text
    found = re.search(r'class="asset" data-name="packages.zip">([^<]*)</script>', text)
    assert found is not None
    assert gzip.decompress(base64.b64decode(found[1])) == b"zip"
    # As many scripts end as begin, whatever is in them; and no file is named beside.
    assert text.count("<script") == text.count("</script>")
    assert "sourceMappingURL" not in text
    assert not re.search(r"""(?:src|href)=["'](?!data:)""", text)


def test_the_folder_has_the_same_beside_it(made: Parts, tmp_path: Path) -> None:
    build.write_folder(tmp_path / "site", made, CARRIED)
    text = (tmp_path / "site" / "index.html").read_text()
    (src,) = re.findall(r'data-src="([^"]*)"', text)
    assert (tmp_path / "site" / src).read_bytes() == CARRIED["packages.zip"]


def test_a_policy_lets_neither_ask_anybody_else(made: Parts, tmp_path: Path) -> None:
    build.write_file(tmp_path / "kmm.html", made, CARRIED)
    policy = re.search(
        r'Policy" content="([^"]*)"', (tmp_path / "kmm.html").read_text()
    )
    assert policy is not None
    assert "default-src 'none'" in policy[1]
    assert "http" not in policy[1]
    assert "connect-src blob:;" in policy[1]


def test_kmm_is_packed_with_its_lessons_and_without_how_it_is_packed(
    made: Parts,
) -> None:
    names = {name for name, _ in build.package_files(made)}
    assert {"kmm/web/start.py", "kmm/lessons/course.toml"} <= names
    assert not [n for n in names if n.endswith((".pyc", ".js", ".html", "/pins.toml"))]


def test_the_same_files_make_the_same_archive() -> None:
    files = {"a.py": b"1", "b.py": b"2"}
    assert build.archive(files) == build.archive(files)
    assert build.files_of(build.archive(files)) == files


def test_bytecode_is_not_held_against_its_source() -> None:
    spec = build.__spec__
    assert spec is not None
    flags = bytecode(spec)[4:8]
    assert int.from_bytes(flags, "little") == 0b01  # by hash, and unchecked


# Parts.


def test_a_part_that_is_another_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "attrs-1-py3-none-any.whl"
    path.write_bytes(b"attrs")
    right = hashlib.sha256(b"attrs").hexdigest()
    assert checked(Pin("attrs", "1", "sha256", right), path) == path
    with pytest.raises(WrongPart, match=f"its sha256 is {right}"):
        checked(Pin("attrs", "1", "sha256", "0" * 64), path)


def test_what_is_there_is_not_got_again(tmp_path: Path) -> None:
    (tmp_path / "mdit_py_plugins-1-py3-none-any.whl").write_bytes(b"1")
    (tmp_path / "xterm-xterm-2.tgz").write_bytes(b"2")
    digest = base64.b64encode(hashlib.sha512(b"2").digest()).decode()
    wanted = [
        Pin("mdit-py-plugins", "1", "sha256", hashlib.sha256(b"1").hexdigest()),
        Pin("@xterm/xterm", "2", "sha512", digest),
    ]

    def refuse(*_: object) -> None:
        raise AssertionError

    assert len(get(wanted, tmp_path, refuse)) == 2


def test_a_part_that_does_not_come_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotHad, match="rich 1 did not come"):
        get([Pin("rich", "1", "sha256", "")], tmp_path, lambda *_: None)


def test_every_wheel_is_the_one_that_the_tests_run_with() -> None:
    lock = (ROOT / "requirements.lock").read_text()
    locked = dict(re.findall(r"^([\w.-]+)==(\S+)$", lock, re.M))
    ours = {name.lower().replace("_", "-"): version for name, version in locked.items()}
    for pin in pins("wheels"):
        assert ours[pin.name] == pin.version


# The command.


def test_who_names_nothing_to_write_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert build.main([]) == 2
    assert "name a FILE" in capsys.readouterr().err


def test_without_npm_it_says_so(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    page, folder = str(tmp_path / "kmm.html"), str(tmp_path / "parts")
    assert build.main([page, "--parts", folder]) == 3
    assert "npm cannot be run" in capsys.readouterr().err


def test_a_program_that_fails_is_quoted() -> None:
    with pytest.raises(NotHad, match=r"(?s)failed:.*no such option"):
        parts.call(sys.executable, "-m", "pip", "--no-such-thing")


def test_the_archive_of_a_wheel_is_taken_apart(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "one.whl", "w") as wheel:
        wheel.writestr("one/__init__.py", "")
        wheel.mkdir("one/empty")
    found = Parts({}, {"one": tmp_path / "one.whl"})
    assert "one/__init__.py" in dict(build.package_files(found))
