"""The programs, by name.  What they are is said in `sim.programs`."""

TOY = "toy"
FIXED = "toy, fixed"


def scaled(sections: int, locks: int) -> str:
    """The name of three threads of so many critical sections under so many locks."""
    return f"3 x {sections}, {locks} lock{'s' if locks > 1 else ''}"


SCALED = {scaled(k, n): (k, n) for k in (3, 5, 7) for n in (1, 2, 3)}
