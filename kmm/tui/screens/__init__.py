"""The screens, one a file.  `stepper` is the main one; the others open over it."""
