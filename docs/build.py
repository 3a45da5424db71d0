"""Build the documentation site, and follow every link in it.

    pip install -e '.[docs]'
    python docs/build.py                  into build/site/; open index.html there
    python docs/build.py --output DIR

Needs no network, and neither does the site.  Exit codes: 0 built and whole, 1 a warning
of Sphinx or a link that leads nowhere, 2 bad input, 130 interrupted.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

DOCS = Path(__file__).resolve().parent
sys.path[:0] = [str(DOCS), str(DOCS.parent)]

# A script of docs/, whose package is found only once the path says where.
from website.check import problems  # noqa: E402
from website.links import DeadLink  # noqa: E402
from website.tree import write_tree  # noqa: E402

SPHINX = ["-q", "-E", "-W", "--keep-going", "-c", str(DOCS / "website")]
MARK = ".kmm-site"  # in a folder that this program has made, and may make anew


def main(argv: Sequence[str] | None = None) -> int:
    site = parse(argv).output.resolve()
    if site.exists() and not is_ours(site):
        return complain(f"{site} is not a folder that is empty, or a site")
    try:
        from sphinx.cmd.build import build_main
    except ImportError:
        return complain("Sphinx is not installed: pip install -e '.[docs]'")
    shutil.rmtree(site, ignore_errors=True)
    site.mkdir(parents=True)
    (site / MARK).touch()
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "source")
        try:
            print(f"{write_tree(source)} pages")
        except DeadLink as error:
            print(error, file=sys.stderr)
            return 1
        options = [*SPHINX, "-d", str(Path(folder, "doctrees"))]
        if build_main([*options, str(source), str(site)]):
            return 1
    return report(site)


def is_ours(site: Path) -> bool:
    """Whether nothing is lost if that folder is made anew."""
    return site.is_dir() and ((site / MARK).exists() or not any(site.iterdir()))


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Build the documentation site, and follow every link in it."
    )
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        default=DOCS.parent / "build" / "site",
        help="the folder, which must be new, empty, or a site (build/site)",
    )
    return parser.parse_args(argv)


def report(site: Path) -> int:
    found = problems(site)
    for problem in found:
        print(problem, file=sys.stderr)
    if not found:
        print(f"{site / 'index.html'}: every link arrives, nothing is fetched")
    return int(bool(found))


def complain(text: str) -> int:
    print(f"build.py: {text}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
