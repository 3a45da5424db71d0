"""The documentation site: what `docs/build.py` makes of this project's own text.

A site is made in two steps.  First every page is written as Markdown into a folder:
the documents of docs/ with their links turned to the site's pages, the lessons as
`kmm.course` reads them, the exercises, the matrix with the races, the designs and
kernels with their diffs, the glossary, and a reference from docstrings.  Then Sphinx
makes HTML of that folder, and every link in it is followed.

Nothing is written for the site alone but its front page (docs/index.md): what it shows
is what the program prints, so it cannot say anything else.

Reading order: `names` (what the model defines), `prose` (docstrings as Markdown),
`links` (where a link of a document leads on the site); `exercises`, `chapters`,
`races`, `designs`, `reference`, `glossary` (a kind of pages each); `tree` (all of them,
and the sidebar); `check` (whether a built site holds together); `conf`, which is
Sphinx's.
"""
