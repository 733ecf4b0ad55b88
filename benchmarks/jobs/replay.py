"""Answer requests from a file that an earlier pass has filled."""

from __future__ import annotations

import logging
import os
import tempfile
from functools import partial
from typing import Any

from benchmarks.jobs._clients import arguments, clock, finish, instances, package_model, reference_model

logging.disable(logging.WARNING)


def _collect(method: Any, asked: list[Any], responses: list[Any]) -> None:
    responses += method(asked)


def main() -> None:
    """Ask twice; time the second pass."""
    given = arguments()
    kind, url = given["kind"], given["base_url"]
    settings = {"until": ["\n"], "max_gen_toks": 8, "temperature": 0.0}
    if kind == "generate_until":
        requests: list[tuple[Any, ...]] = [(f"Replay {n:07d}: what?", dict(settings)) for n in range(given["count"])]
    else:
        requests = [(f"Replay {n:07d}: what", " is this") for n in range(given["count"])]
    with tempfile.TemporaryDirectory() as folder:
        path, took, answers = os.path.join(folder, "answers.db"), [], []
        for _ in range(2):
            asked = instances(kind, requests)
            if given["this_package"]:
                lm = package_model(url, kind, path)
                took.append(clock(partial(lm.harness_respond, asked)))
                answers.append([instance.resps[0] for instance in asked])
                continue
            from lm_eval.api.model import CachingLM

            bare = reference_model(url)
            if kind == "generate_until":
                bare.tokenizer = None
            lm = CachingLM(bare, path)
            responses: list[Any] = []
            took.append(clock(partial(_collect, getattr(lm, kind), asked, responses)))
            answers.append(responses)
    same = [list(a) if kind != "generate_until" else a for a in answers[0]] == [
        list(a) if kind != "generate_until" else a for a in answers[1]
    ]
    finish(wall=took[1][0], cpu=took[1][1], asking=took[0][0], same=same)


if __name__ == "__main__":
    main()
