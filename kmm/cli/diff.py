"""`kmm diff`: the functions in which two kernels or two designs differ."""

from __future__ import annotations

from argparse import Namespace

from ..designs import UnknownName
from ..report.difference import difference, difference_json, difference_text
from .exits import OK, Usage
from .output import color_diff, deliver, print_json, text_width


def diff_command(options: Namespace) -> int:
    try:
        found = difference(options.a, options.b)
    except UnknownName as error:
        raise Usage(str(error)) from None
    if options.json:
        return print_json(difference_json(found))
    text = difference_text(found, text_width(), options.verbose)
    deliver(color_diff(text, options) + "\n", None)
    return OK
