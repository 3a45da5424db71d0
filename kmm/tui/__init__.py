"""The screen: a recorded run, looked at one step at a time.

Reading order: first what knows nothing of Textual, and can be tested without a
terminal: `lines` (a line of text and what is special about it), `source` (the function
that a thread is in), `narration` (a step in a sentence), `tables` (memory and locks as
lines), `pictures/` (a moment drawn, a module each), `explain/` (what is this?),
`logbook` (the steps as lines), `follow` (a schedule on another kernel), `steered` (the
reader as the scheduler), `stops` (where to stop), `session` (what is being looked at,
and from where), `opening` (how one begins), `telling` (it in sentences), `standing`
(where each thread is), `settings`, `crash`.  Then what draws: `background` (long work
beside it), `keys`, `messages`, `widgets/`, `screens/`, `app`.

Everything shown comes from a recording; nothing here reaches into the model, except
that the files of /proc are read from a run made again up to the step shown.  Textual is
imported by nothing outside of this package, and only when a screen opens.
"""
