"""Models and tasks that are small enough to know every answer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from lm_eval.api.instance import Instance, RequestError
from lm_eval.api.model import LM, Answered, RunContext

_DATA = """
def rows(**_):
    return {"test": [{"q": f"What is {i} + 1?", "n": i + 1, "choices": [str(i), str(i + 1)]} for i in range(10)]}
"""

_COMMON = "custom_dataset: !function data.rows\ntest_split: test\n"

_TASKS = {
    "choice": "output_type: multiple_choice\ndoc_to_text: '{{q}}'\ndoc_to_choice: choices\ndoc_to_target: 1\n",
    "generate": "doc_to_text: '{{q}}'\ndoc_to_target: '{{n}}'\n",
    "rolling": "output_type: loglikelihood_rolling\ndoc_to_text: ''\ndoc_to_target: '{{q}}'\n",
}


def write_tasks(folder: Path, **extra: str) -> Path:
    """Write the tasks ``choice``, ``generate`` and ``rolling``, and additional files, to a folder."""
    (folder / "data.py").write_text(_DATA)
    for name, body in {**_TASKS, **extra}.items():
        head = "" if "group:" in body else f"task: {name}\n{_COMMON}"
        (folder / f"{name}.yaml").write_text(head + body)
    return folder


class FakeLM(LM):
    """Answers by a rule, records the requests, and can lose or refuse requests."""

    def __init__(
        self,
        generate: Callable[[str], str] = lambda prompt: "",
        lose: Callable[[Instance], bool] = lambda instance: False,
        refused: Sequence[str] = (),
    ) -> None:
        super().__init__()
        self._generate, self._lose, self._refused = generate, lose, refused
        self.context: RunContext | None = None
        self.asked: list[Instance] = []

    def harness_prepare(self, context: RunContext) -> None:
        self.context = context

    def harness_refuses(self, request_type: str) -> str | None:
        return f"no {request_type} here" if request_type in self._refused else None

    def harness_respond(self, instances: Iterable[Instance], answered: Answered | None = None) -> None:
        super().harness_respond(self._kept(instances, answered), answered)

    def _kept(self, instances: Iterable[Instance], answered: Answered | None) -> Iterator[Instance]:
        for instance in instances:
            self.asked.append(instance)
            if not self._lose(instance):
                yield instance
                continue
            instance.error = RequestError("timeout", "no answer in 300 s", attempts=3)
            if answered is not None:
                answered(instance)

    def loglikelihood(self, requests: list[Instance]) -> list[tuple[float, bool]]:
        return [(-float(len(r.args[1])) - r.idx, r.idx == 0) for r in requests]

    def loglikelihood_rolling(self, requests: list[Instance]) -> list[float]:
        return [-float(len(r.args[0])) for r in requests]

    def generate_until(self, requests: list[Instance]) -> list[str]:
        return [self._generate(r.args[0]) for r in requests]

    def apply_chat_template(self, chat_history: list[dict[str, Any]], add_generation_prompt: bool = True) -> str:
        return "".join(f"<{m['role']}>{m['content']}" for m in chat_history)

    def chat_template(self, chat_template: bool | str = False) -> str | None:
        return "fake template"
