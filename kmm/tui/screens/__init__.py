"""The screens, one a file.  `stepper` is the main one; the others open over it.

A screen that opens over it (`box`) answers by closing, and changes nothing itself.
"""
