"""What the command line's exit codes mean; 1 is also a fault of this package."""

__all__ = ["ERRORS", "FAULTS", "INTERRUPTED", "LOGGERS", "MISTAKE", "OK", "STOPPED", "WORSE"]

OK = 0
FAULTS = 1
"""``validate`` found faults, or ``ls`` found nothing."""
WORSE = 1
"""``compare --fail_if_worse``: B is worse than A, or could not be shown not to be."""
MISTAKE = 2
"""Something to mend: an option, a name, a file, a dataset, an endpoint that cannot be used."""
ERRORS = 3
"""Done and saved, but not whole: docs lost beyond ``--max_errors``, or tasks the endpoint cannot answer."""
STOPPED = 4
"""A budget stopped the run; the same command resumes."""
LOGGERS = 5
"""Done, whole and saved, but a service results are sent to (wandb, trackio, mlflow, the Hub) failed."""
INTERRUPTED = 130
"""Ctrl-C; the same command resumes."""
