"""A process of a run on this machine: ``python -m lm_eval.launch.worker`` with a pickled job on stdin."""

from __future__ import annotations

import pickle
import signal
import sys
from multiprocessing.connection import Client
from typing import TYPE_CHECKING

from lm_eval.launch.work import Job, do_shard

if TYPE_CHECKING:
    from lm_eval.models.http.shared import Orders, Report

__all__ = ["main"]


def main() -> int:
    """Do the shard that stdin describes.

    Returns:
        The exit code: 0 if the hub was told how the shard ended.
    """
    # A shell that starts a command in the background lets it ignore Ctrl-C. This process would inherit that, and go on
    # when the run ends.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    address, key, job = pickle.load(sys.stdin.buffer)
    assert isinstance(job, Job)
    with Client(address, authkey=key) as connection:

        def exchange(report: Report) -> Orders:
            connection.send(report)
            orders: Orders = connection.recv()
            return orders

        do_shard(job, exchange)
    return 0


if __name__ == "__main__":
    sys.exit(main())
