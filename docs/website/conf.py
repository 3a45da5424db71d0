"""What Sphinx is told.  `docs/build.py` starts it, on the pages of `tree`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx

sys.path.insert(0, str(Path(__file__).parents[2]))

from kmm import __version__

project = "kmm"
copyright = "the authors of kmm; Apache-2.0"  # noqa: A001 - Sphinx's name for it
version = release = __version__
language = "en"
smartquotes = False  # `--json` and quoted words stay what they are

extensions = ["myst_parser"]
myst_enable_extensions = ["attrs_inline", "colon_fence"]
myst_heading_anchors = 4
default_role = "code"
# Of types in signatures: `Page`, not `kmm.mm.mm_types.Page`.
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 120
add_module_names = False
toc_object_entries_show_parents = "hide"
highlight_language = "text"

html_theme = "furo"
html_title = "kmm"
html_static_path = [str(Path(__file__).parent / "static")]
html_css_files = ["kmm.css"]
html_copy_source = False
html_use_index = False
html_domain_indices = False
html_show_sphinx = False
html_last_updated_fmt = None  # the same text makes the same site
html_theme_options = {"navigation_with_keys": True}
pygments_style = "default"
pygments_dark_style = "github-dark"


def match_exactly(app: Sphinx, doctree: nodes.document) -> None:
    """A type in a signature is the one of that full name, not one that ends so."""
    for link in doctree.findall(pending_xref):
        link.attributes.pop("refspecific", None)


def keep_sidebar(
    app: Sphinx, page: str, template: str, context: dict[str, Any], tree: object
) -> None:
    """Work the sidebar out once for all pages that are not in it; it is the same."""
    make = context["toctree"]
    if "orphan" in app.env.metadata[page]:
        folder = page.rpartition("/")[0]
        context["toctree"] = lambda **options: sidebar_of(folder, make, **options)


def sidebar_of(folder: str, make: Callable[..., str], **options: Any) -> str:
    key = (folder, *sorted(options.items()))
    if key not in SIDEBARS:
        SIDEBARS[key] = make(**options)
    return SIDEBARS[key]


SIDEBARS: dict[tuple[Any, ...], str] = {}


def setup(app: Sphinx) -> None:
    app.connect("doctree-read", match_exactly)
    app.connect("html-page-context", keep_sidebar, priority=400)  # before furo's
