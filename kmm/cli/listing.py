"""`kmm list`: what there is."""

from __future__ import annotations

from argparse import Namespace
from typing import Any

from ..report.listing import KINDS, listing_json, listing_text
from .exits import OK
from .output import deliver, print_json, text_width


def list_command(options: Namespace) -> int:
    kinds = [options.kind] if options.kind else list(KINDS)
    if options.json:
        whole: dict[str, Any] = {}
        for kind in kinds:
            whole.update(listing_json(kind))
        return print_json(whole)
    deliver(listing_text(kinds, text_width(), options.verbose) + "\n", None)
    return OK
