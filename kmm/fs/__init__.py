"""Program execution: argument pages, the temporary stack, and its relocation.

Linux: fs/exec.c, fs/binfmt_elf.c.  Reading order: `exec`, `binfmt_elf`.
"""
