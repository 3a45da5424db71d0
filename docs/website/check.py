"""Whether a built site holds together: every link arrives, and nothing is fetched.

A page that is opened may load what lies beside it and nothing else, so whoever has the
folder can read it without a network, and nobody hears of it.  A link to the outside is
one that a reader has to click.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

# What a browser fetches by itself, by tag: all but <a href>.
FETCHES = {"src", "srcset", "poster", "data", "xlink:href"}
CSS_URL = re.compile(
    r"url\(\s*['\"]?(?P<url>[^'\")]+)|@import\s+['\"](?P<import>[^'\"]+)"
)
OUTSIDE = re.compile(r"^(?:[a-z][a-z+.-]*:)?//", re.I)


class Page(HTMLParser):
    """The anchors, links and loads of one page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if not value:
                continue
            if name == "id" or (tag == "a" and name == "name"):
                self.anchors.add(value)
            elif name == "href" and tag == "a":
                self.links.append(value)
            elif name in FETCHES or name == "href":
                self.loads.append(value)
            elif name == "style":
                self.loads += urls_of_css(value)


def urls_of_css(text: str) -> list[str]:
    return [found["url"] or found["import"] for found in CSS_URL.finditer(text)]


def problems(site: Path) -> list[str]:
    """Each with the file that has it; none if the site is whole."""
    pages = {
        path: Page(path.read_text(encoding="utf-8"))
        for path in sorted(site.rglob("*.html"))
    }
    return [
        f"{path.relative_to(site)}: {problem}"
        for path, page in pages.items()
        for problem in problems_of(path, page, pages)
    ] + [f"{path.relative_to(site)}: {problem}" for path, problem in of_assets(site)]


def problems_of(path: Path, page: Page, pages: Mapping[Path, Page]) -> Iterator[str]:
    for url in page.loads:
        if OUTSIDE.match(url):
            yield f"fetches {url}"
    for url in [*page.links, *page.loads]:
        if not leads_somewhere(url, path, pages):
            yield f"leads nowhere: {url}"


def leads_somewhere(url: str, path: Path, pages: Mapping[Path, Page]) -> bool:
    parts = urlsplit(url)
    if parts.scheme or parts.netloc:
        return True  # not this site's
    target = path if not parts.path else (path.parent / unquote(parts.path)).resolve()
    if target.is_dir():
        target /= "index.html"
    if not target.exists():
        return False
    anchors = pages[target].anchors if target in pages else set()
    return not parts.fragment or unquote(parts.fragment) in anchors


def of_assets(site: Path) -> Iterator[tuple[Path, str]]:
    """Style sheets and pictures may load things too."""
    for path in sorted([*site.rglob("*.css"), *site.rglob("*.svg")]):
        for url in urls_of_css(path.read_text(encoding="utf-8")):
            if OUTSIDE.match(url):
                yield path, f"fetches {url}"
