"""The exit codes of the command line."""

__all__ = ["ERRORS", "INTERRUPTED", "LOGGERS", "MISTAKE", "NEGATIVE", "OK", "PENDING", "SIGNAL", "STOPPED"]

OK = 0
NEGATIVE = 1
"""The answer is no: ``validate`` found faults, ``ls`` found nothing, or ``compare --fail_if_worse`` does not let B
pass. Python also exits with 1 after an exception that nobody handles, which is a bug of this package."""
MISTAKE = 2
"""The user can correct it: an option, a name, a file, a dataset, or an endpoint that cannot be used."""
ERRORS = 3
"""The run is saved but incomplete: more documents failed than ``--max_errors`` allows, the endpoint cannot answer
some tasks, or the code of a task failed while it was scored."""
STOPPED = 4
"""The run stopped early: a budget is spent, the endpoint is away or refuses all requests, a batch was cancelled or
finds no room, or processes of the run were lost too often. Answers are kept; the same command resumes."""
LOGGERS = 5
"""The run is complete and saved, but a service that gets results (wandb, trackio, mlflow, the Hub) failed."""
PENDING = 6
"""Batches are under way, or files of requests wait for their replies; the same command collects the answers."""
INTERRUPTED = 130
"""Ctrl-C; the same command resumes."""
SIGNAL = 128
"""Added to the number of another signal that ended the command, such as 143 for SIGTERM; the same command resumes."""
