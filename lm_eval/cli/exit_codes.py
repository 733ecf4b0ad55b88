"""What the command line's exit codes mean; 1 is a fault of this package, or faults that ``validate`` found."""

__all__ = ["ERRORS", "FAULTS", "INTERRUPTED", "MISTAKE", "OK", "STOPPED"]

OK = 0
FAULTS = 1
"""``validate`` found faults."""
MISTAKE = 2
"""Something to mend: an option, a name, a file, a dataset, an endpoint that cannot be used."""
ERRORS = 3
"""Done and saved, but not whole: docs lost beyond ``--max_errors``, or tasks the endpoint cannot answer."""
STOPPED = 4
"""A budget stopped the run; the same command resumes."""
INTERRUPTED = 130
"""Ctrl-C; the same command resumes."""
