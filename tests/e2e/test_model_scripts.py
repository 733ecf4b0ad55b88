"""Scripts with model classes of their own, in the form that public projects have them, run on a server."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lm_eval.mock_server import MockServer
from tests.e2e.conftest import TASKS, environment

GATEWAY = """
import copy
import json
import logging
import os
import sys
from functools import cached_property
from operator import itemgetter
from typing import Dict, List, Optional, Tuple, Union

from lm_eval import evaluator
from lm_eval.api.registry import register_model
from lm_eval.models.api_models import TemplateAPI
from lm_eval.models.utils import handle_stop_sequences

eval_logger = logging.getLogger(__name__)


@register_model("my-gateway")
class MyGateway(TemplateAPI):
    def __init__(self, base_url=None, tokenizer_backend="huggingface", tokenized_requests=False, **kwargs):
        super().__init__(
            base_url=base_url, tokenizer_backend=tokenizer_backend, tokenized_requests=tokenized_requests, **kwargs
        )
        self._max_gen_toks = 24
        if self._batch_size > 1:
            self._batch_size = 1

    @cached_property
    def api_key(self):
        key = os.environ.get("GATEWAY_KEY", None)
        if key is None:
            raise ValueError("set GATEWAY_KEY")
        return key

    @cached_property
    def header(self) -> dict:
        return {"Authorization": f"Bearer {self.api_key}", "X-Gateway": "1"}

    def _create_payload(
        self,
        messages: Union[List[List[int]], List[dict], List[str], str],
        generate=False,
        gen_kwargs: Optional[dict] = None,
        seed: int = 1234,
        eos=None,
        **kwargs,
    ) -> dict:
        if generate:
            gen_kwargs.pop("do_sample", False)
            max_tokens = gen_kwargs.pop("max_gen_toks", self._max_gen_toks)
            temperature = gen_kwargs.pop("temperature", 0)
            stop = handle_stop_sequences(gen_kwargs.pop("until", None), eos)
            return {
                "prompt": messages,
                "model": self.model,
                "max_tokens": max_tokens,
                "temperature": temperature,
                "stop": stop[:4],
                "seed": seed,
                **gen_kwargs,
            }
        return {
            "model": self.model,
            "prompt": messages,
            "temperature": 0,
            "max_tokens": 1,
            "logprobs": 1,
            "seed": self._seed,
            "echo": True,
        }

    @staticmethod
    def parse_logprobs(
        outputs: Union[Dict, List[Dict]], tokens: List[List[int]] = None, ctxlens: List[int] = None, **kwargs
    ) -> List[Tuple[float, bool]]:
        res = []
        if not isinstance(outputs, list):
            outputs = [outputs]
        for out in outputs:
            for choice, ctxlen in zip(sorted(out["choices"], key=itemgetter("index")), ctxlens):
                assert ctxlen > 0
                values = choice["logprobs"]["token_logprobs"][ctxlen:-1]
                tops = choice["logprobs"]["top_logprobs"][ctxlen:-1]
                greedy = all(value == max(top.values()) for value, top in zip(values, tops))
                res.append((sum(values), greedy))
        return res

    @staticmethod
    def parse_generations(outputs: Union[Dict, List[Dict]], **kwargs) -> List[str]:
        res = []
        if not isinstance(outputs, list):
            outputs = [outputs]
        for out in outputs:
            tmp = [None] * len(out["choices"])
            for choices in out["choices"]:
                tmp[choices["index"]] = choices["text"]
            res = res + tmp
        return res


if __name__ == "__main__":
    url, folder, model = sys.argv[1:]
    results = evaluator.simple_evaluate(
        model=model,
        model_args=f"model=mock,base_url={url}/completions,num_concurrent=4,max_retries=3,timeout=60",
        tasks=["demo_choices", "demo_numbers"],
        task_manager=__import__("lm_eval").tasks.TaskManager(include_path=folder),
        limit=6,
        bootstrap_iters=0,
    )
    print(json.dumps([sample["resps"] for rows in results["samples"].values() for sample in rows]))
"""

WRAPPER = '''
import json
import sys

import lm_eval
from lm_eval.api.registry import register_model
from lm_eval.models.openai_completions import LocalChatCompletion


@register_model("with-note")
class WithNote(LocalChatCompletion):
    """Changes every prompt, asks as its base does, and cleans the answers."""

    def __init__(self, note="Think.", **kwargs):
        super().__init__(**kwargs)
        self.note = note
        self.asked = 0

    def generate_until(self, requests, disable_tqdm: bool = False):
        self.asked += len(requests)
        for request in requests:
            messages = json.loads(request.args[0].prompt)
            messages[-1]["content"] += " " + self.note
            prompt = type(request.args[0])(json.dumps(messages, ensure_ascii=False))
            request.arguments = (prompt, {**request.args[1], "max_gen_toks": 5})
        return [text.strip().upper() for text in super().generate_until(requests, disable_tqdm=disable_tqdm)]


model = WithNote(model="mock", base_url=sys.argv[1] + "/chat/completions", num_concurrent=4, note="Be brief.")
results = lm_eval.simple_evaluate(
    model=model,
    tasks=["demo_numbers"],
    task_manager=lm_eval.tasks.TaskManager(include_path=sys.argv[2]),
    limit=6,
    apply_chat_template=True,
    bootstrap_iters=0,
)
print(json.dumps({
    "asked": model.asked,
    "answers": [sample["resps"][0][0] for sample in results["samples"]["demo_numbers"]],
    "prompts": [sample["arguments"][0][0] for sample in results["samples"]["demo_numbers"]],
    "info": results["config"]["model_info"]["answered_by"],
}, default=str))
'''


def _run(folder: Path, script: str, url: str, *words: str, **variables: str) -> Any:
    (folder / "script.py").write_text(script)
    ran = subprocess.run(
        [sys.executable, "script.py", url, TASKS, *words],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=folder,
        env={**environment(), **variables},
    )
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout.splitlines()[-1])


def test_a_class_from_the_api_guide_answers_and_scores_as_the_class_that_ships(
    tmp_path: Path, server: MockServer
) -> None:
    own = _run(tmp_path, GATEWAY, server.base_url, "my-gateway", GATEWAY_KEY="sk-gateway")
    plain = _run(tmp_path, GATEWAY, server.base_url, "local-completions")
    assert len(own) == 12
    for mine, theirs in zip(own, plain, strict=True):
        for (value,), (other,) in zip(mine, theirs, strict=True):
            assert value == (pytest.approx(other) if isinstance(other, list) else other)


def test_a_wrapper_that_overrides_generate_until_runs(tmp_path: Path, server: MockServer) -> None:
    found = _run(tmp_path, WRAPPER, server.base_url)
    assert found["asked"] == 6
    assert found["answers"] == [answer.strip().upper() for answer in found["answers"]]
    assert any(found["answers"])
    assert all("Be brief." in str(prompt) for prompt in found["prompts"])
    assert found["info"] == {"generate_until": "WithNote.generate_until"}
