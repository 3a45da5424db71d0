"""The parts of the screen, one a file.  Each is told what to show, and draws it."""
