"""The command line: one call of the rooms below for each command.

Results go to standard output; progress and complaints go to standard error.
"""
