"""The commands of `python -m training`, one a file.

A command's file has `add(commands)`, which declares its options, and `run(options)`, which does it
and returns its exit status. What is slow to import is imported in `run`.
"""

EXIT_OK, EXIT_SPOILT, EXIT_USAGE, EXIT_STOPPED = 0, 1, 2, 130
