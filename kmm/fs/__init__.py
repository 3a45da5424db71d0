"""Program execution, files, and what can be read of a running kernel, or written.

Linux: fs/.  Execution is about argument pages, the temporary stack, and its relocation;
files are those of a ramfs with one directory, and pipes.  Reading order: `exec`,
`binfmt_elf`, `proc`; `vfs` (the structures), `inode`, `dcache`, `ramfs`, `read_write`,
`file_table`, `namei`, `open`; `pipe_buf`, `pipe`; `audit`.
"""
