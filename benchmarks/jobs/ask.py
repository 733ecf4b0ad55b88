"""Sends scoring requests with a harness and with the bare pool, in turns."""

from __future__ import annotations

import logging
import math
import os
import random
import tempfile
from functools import partial
from typing import Any

from benchmarks.canned_server import TOKEN, score_of
from benchmarks.jobs._clients import arguments, bare_pool, clock, finish, instances, our_model, reference_model

logging.disable(logging.WARNING)
_TEXT = "river stone market paper window garden signal copper winter engine letter harbor silver meadow"
_WORDS = _TEXT.split()
_CONTINUATIONS = (" yes, it is so", " no, never", " perhaps", " it depends on them")


def requests_of(count: int, words: int, round_: int) -> list[tuple[str, str]]:
    """Make prompts with four continuations each; long ones differ in their first 16 characters."""
    rng = random.Random(words)
    bodies = [" ".join(rng.choices(_WORDS, k=words)) for _ in range(8)]
    made = []
    for place in range(count // 4):
        context = f"Item {round_:02d}{place:07d}: {bodies[place % 8]}"
        context += "." * (-len(context) % TOKEN)
        made += [(context, continuation) for continuation in _CONTINUATIONS]
    return made


def payload_of(request: tuple[str, str]) -> dict[str, Any]:
    """Write the body both sides send."""
    return {
        "model": "bench",
        "prompt": "".join(request),
        "temperature": 0,
        "max_tokens": 1,
        "logprobs": 1,
        "seed": 1234,
        "echo": True,
    }


def ask(lm: Any, ours: bool, asked: list[Any], answers: list[Any]) -> None:
    """Send Instances with a harness."""
    if ours:
        lm.respond(asked)
        answers += [instance.resps[0] for instance in asked]
    else:
        answers += lm.loglikelihood(asked, disable_tqdm=True)


def main() -> None:
    """Alternate: pool, harness, harness, pool, and so on; each round with prompts of its own."""
    given = arguments()
    url = given["base_url"]
    rounds: list[dict[str, tuple[float, float]]] = []
    wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        for round_ in range(given["rounds"]):
            requests = requests_of(given["count"], given["words"], round_)
            asked = instances("loglikelihood", requests)
            cache = os.path.join(folder, f"answers-{round_}") if given["journal"] else None
            lm = our_model(url, "loglikelihood", cache) if given["ours"] else reference_model(url)
            answers: list[Any] = []

            took: dict[str, tuple[float, float]] = {}
            for name in ("harness", "bare") if round_ % 2 else ("bare", "harness"):
                if name == "harness":
                    took[name] = clock(partial(ask, lm, given["ours"], asked, answers))
                else:
                    took[name] = clock(partial(bare_pool, f"{url}/completions", [payload_of(one) for one in requests]))
            rounds.append(took)
            wrong += sum(
                not math.isclose(answer[0], score_of(*request)[0], abs_tol=1e-6)
                for answer, request in zip(answers, requests, strict=True)
            )
    finish(rounds=rounds, wrong=wrong, characters=len("".join(requests[0])))


if __name__ == "__main__":
    main()
