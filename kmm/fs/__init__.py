"""Program execution, and what can be read of a running kernel, or written to it.

Linux: fs/exec.c, fs/binfmt_elf.c, fs/proc/.  Execution is about argument pages, the
temporary stack, and its relocation.  Reading order: `exec`, `binfmt_elf`, `proc`.
"""
