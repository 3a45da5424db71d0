"""From a word of the command line to a value.  Each refuses what is none."""

from __future__ import annotations

import argparse

UNITS = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}


def hexadecimal(text: str) -> int:
    try:
        value = int(text, 16)
    except ValueError:
        value = -1
    if not 0 <= value < 1 << 64 or "_" in text:
        raise argparse.ArgumentTypeError(
            f"{text[:40]!r} is not a hexadecimal number of up to 64 bits"
        )
    return value


def physical_bits(text: str) -> int:
    if text not in map(str, range(32, 53)):
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is not a number from 32 to 52")
    return int(text)


def whole_number(text: str) -> int:
    try:
        value = int(text)
    except ValueError:
        value = 0
    if value <= 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above 0")
    return value


def port_number(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and 0 <= int(text) < 1 << 16):
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is not a port (0 to 65535)")
    return int(text)


def integer(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        message = f"{text[:40]!r} is not a whole number"
        raise argparse.ArgumentTypeError(message) from None


def zero_or_more(text: str) -> int:
    if text == "0":
        return 0
    try:
        return whole_number(text)
    except argparse.ArgumentTypeError:
        message = f"{text!r} is not a whole number from 0 on"
        raise argparse.ArgumentTypeError(message) from None


def positive_number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not value > 0:  # nor is nan
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0")
    return value


def size(text: str) -> int:
    """Bytes, as in 64M."""
    unit = UNITS.get(text[-1:].upper(), 1)
    try:
        return int(text if unit == 1 else text[:-1]) * unit
    except ValueError:
        message = f"{text[:40]!r} is no size such as 64M"
        raise argparse.ArgumentTypeError(message) from None


def names(text: str) -> list[str]:
    """What is separated by commas; each once."""
    found = list(dict.fromkeys(filter(None, text.split(","))))
    if not found:
        raise argparse.ArgumentTypeError(f"{text[:40]!r} names nothing")
    return found
