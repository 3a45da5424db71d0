"""kmm in a browser: one file that needs no server, no network and nothing installed.

Reading order: `page` (what Python may ask of the page), `driver` (Textual's way to a
terminal that is in the page), `kept` (the reader's files, which the browser keeps),
`app` (the textbook, as it is in a page), `start` (called when Python has started).
`pins.toml` has what the page is made of, `parts` gets it, and `build` puts it together
with what is in html/ (page.js draws and keeps, worker.js is where Python runs) and with
bytecode (`precompile`).
"""
