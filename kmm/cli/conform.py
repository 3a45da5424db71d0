"""`kmm conform`: hold the model against recorded behaviour, file by file."""

from __future__ import annotations

import json
import os
from argparse import Namespace

from ..conform import (
    KINDS,
    Conformity,
    NotRecorded,
    Recorded,
    hold_against,
    read_recorded,
)
from ..conform.recorded import read_bytes
from ..report.conformity import conformity_json, conformity_text
from .exits import FAILED, INTERRUPTED, OK, Usage
from .output import deliver, text_width
from .progress import Meter


def conform_command(options: Namespace) -> int:
    """Every file is read before the first case is run, so that no work is lost."""
    recorded = [read(file) for file in options.files]
    found = []
    for one in recorded:
        found.append(hold(one, options))
        if found[-1].interrupted:
            break
        if not options.json:
            deliver(conformity_text(found[-1], text_width()) + "\n", None)
    if options.json:
        deliver(json.dumps([conformity_json(one) for one in found]) + "\n", None)
    elif found[-1].interrupted:
        deliver(conformity_text(found[-1], text_width()) + "\n", None)
    return exit_code(found)


def read(file: str) -> Recorded:
    try:
        return read_recorded(file, read_bytes(file), KINDS.values())
    except NotRecorded as error:
        raise Usage(f"{error}; see kmm conform --help") from None
    except OSError as error:
        why = os.strerror(error.errno) if error.errno else str(error)
        raise Usage(f"cannot read {file!r}: {why}") from None


def hold(recorded: Recorded, options: Namespace) -> Conformity:
    name = os.path.basename(recorded.file)  # noqa: PTH119  # it may be "-"
    with Meter(f"running {name}", None, quiet=options.quiet, unit="cases") as meter:
        return hold_against(recorded, lambda so_far: meter.count(so_far.done))


def exit_code(found: list[Conformity]) -> int:
    if any(one.interrupted for one in found):
        return INTERRUPTED
    return FAILED if any(one.differences for one in found) else OK
