"""Send scoring requests with a harness and with the bare pool, in turns."""

from __future__ import annotations

import logging
import math
import os
import random
import tempfile
from functools import partial
from typing import Any

from benchmarks.canned_server import TOKEN, score_of
from benchmarks.jobs._clients import arguments, bare_pool, clock, finish, instances, package_model, reference_model

logging.disable(logging.WARNING)
_TEXT = "river stone market paper window garden signal copper winter engine letter harbor silver meadow"
_WORDS = _TEXT.split()
_CONTINUATIONS = (" yes, it is so", " no, never", " perhaps", " it depends on them")


def requests_of(count: int, words: int, round_: int) -> list[tuple[str, str]]:
    """Generate prompts with four continuations each; long prompts differ only in their first 16 characters."""
    rng = random.Random(words)
    bodies = [" ".join(rng.choices(_WORDS, k=words)) for _ in range(8)]
    requests = []
    for index in range(count // 4):
        context = f"Item {round_:02d}{index:07d}: {bodies[index % 8]}"
        context += "." * (-len(context) % TOKEN)
        requests += [(context, continuation) for continuation in _CONTINUATIONS]
    return requests


def payload_of(request: tuple[str, str]) -> dict[str, Any]:
    """Build the body that all clients send."""
    return {
        "model": "bench",
        "prompt": "".join(request),
        "temperature": 0,
        "max_tokens": 1,
        "logprobs": 1,
        "seed": 1234,
        "echo": True,
    }


def ask(lm: Any, this_package: bool, asked: list[Any], answers: list[Any]) -> None:
    """Send Instances with a harness."""
    if this_package:
        lm.harness_respond(asked)
        answers += [instance.resps[0] for instance in asked]
    else:
        answers += lm.loglikelihood(asked, disable_tqdm=True)


def main() -> None:
    """Alternate pool, harness, harness, pool, and so on, with different prompts in each round."""
    given = arguments()
    url = given["base_url"]
    rounds: list[dict[str, tuple[float, float]]] = []
    wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        for round_ in range(given["rounds"]):
            requests = requests_of(given["count"], given["words"], round_)
            asked = instances("loglikelihood", requests)
            cache = os.path.join(folder, f"answers-{round_}") if given["journal"] else None
            lm = package_model(url, "loglikelihood", cache) if given["this_package"] else reference_model(url)
            answers: list[Any] = []

            took: dict[str, tuple[float, float]] = {}
            for name in ("harness", "bare") if round_ % 2 else ("bare", "harness"):
                if name == "harness":
                    took[name] = clock(partial(ask, lm, given["this_package"], asked, answers))
                else:
                    took[name] = clock(
                        partial(bare_pool, f"{url}/completions", [payload_of(request) for request in requests])
                    )
            rounds.append(took)
            wrong += sum(
                not math.isclose(answer[0], score_of(*request)[0], abs_tol=1e-6)
                for answer, request in zip(answers, requests, strict=True)
            )
    finish(rounds=rounds, wrong=wrong, characters=len("".join(requests[0])))


if __name__ == "__main__":
    main()
