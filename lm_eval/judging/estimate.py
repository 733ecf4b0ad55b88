"""What judging a run will ask and cost at most, estimated without asking."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lm_eval.api.instance import Instance
from lm_eval.config.generation import take_limit
from lm_eval.errors import LMEvalError
from lm_eval.judging.juror import settings_of
from lm_eval.judging.questions import Answered, Question, baseline_of, questions
from lm_eval.results.answered import by_document

if TYPE_CHECKING:
    from lm_eval.judging.bench import Bench
    from lm_eval.judging.jury import Docket

__all__ = ["JudgeEstimate", "estimate"]

_PLACEHOLDER = "(the answer)"
_CHARACTERS_PER_TOKEN = 4
_DEFAULT_LIMIT = 256


@dataclass(slots=True)
class JudgeEstimate:
    """What one judge would be asked about one task.

    Attributes:
        judge: The name of the judge.
        task: The task.
        requests: Maximum number of requests; unreadable verdicts, which are asked for again, are not counted.
        prompt_tokens: Maximum number of tokens of all prompts, with answers as long as the task allows.
        generated_tokens: Maximum number of tokens that the judge can generate.
        cost: Maximum cost at the prices of the judge; None without prices.
        prompt: The judge's first prompt, with a placeholder for the answer.
        fault: Why the judge could not be asked about a document; empty if there is no such document.
    """

    judge: str
    task: str
    requests: int = 0
    prompt_tokens: int = 0
    generated_tokens: int = 0
    cost: float | None = None
    prompt: str = ""
    fault: str = ""


def estimate(bench: Bench) -> list[JudgeEstimate]:
    """Estimate what the judges of a run would be asked.

    Args:
        bench: The judges, with tasks whose requests are built.

    Returns:
        One entry for each judge and task.
    """
    found = []
    for name, docket in bench.dockets.items():
        if not docket.task.instances:
            continue
        of_task = _of_task(name, docket, bench.seed)
        for juror in bench.jurors:
            entry = replace(of_task, judge=juror.name)
            prices = [getattr(getattr(juror.lm, "args", None), key, None) for key in ("price_in", "price_out")]
            if any(price is not None for price in prices):
                tokens = (entry.prompt_tokens, entry.generated_tokens)
                entry.cost = sum(count * (price or 0.0) for count, price in zip(tokens, prices, strict=True)) / 1e6
            found.append(entry)
    return found


def _of_task(name: str, docket: Docket, seed: object) -> JudgeEstimate:
    """Return what one judge would be asked about a task, without its name and prices."""
    found = JudgeEstimate("", name)
    repeats = docket.spec.repeats
    for doc_id, group in by_document(docket.task.instances).items():
        try:
            asked = _questions(docket, doc_id, group, seed)
        except LMEvalError as error:
            found.fault = found.fault or str(error)
            continue
        found.prompt = found.prompt or asked[0].prompt
        found.requests += len(asked) * repeats
        answer = sum(map(_limit, group))
        lengths = [len(question.fence.rule) + len(question.prompt) for question in asked]
        found.prompt_tokens += sum(round(length / _CHARACTERS_PER_TOKEN) + answer for length in lengths) * repeats
    limit = take_limit(settings_of(docket.spec), _DEFAULT_LIMIT) or _DEFAULT_LIMIT
    found.generated_tokens = found.requests * limit
    return found


def _questions(docket: Docket, doc_id: int, group: list[Instance], seed: object) -> list[Question]:
    doc, spec = group[0].doc, docket.spec
    answers = [(instance.args[0], _PLACEHOLDER) for instance in group]
    baseline = baseline_of(spec, doc, docket.baseline.get(doc_id)) if spec.verdict.kind == "pairwise" else None
    answered = Answered(doc, answers, baseline, len(group))
    return list(questions(docket.task, spec, docket.template.source, answered, docket.reader, seed))


def _limit(instance: Instance) -> int:
    settings = instance.args[1] if len(instance.args) > 1 else None
    given = dict(settings) if isinstance(settings, Mapping) else {}
    return take_limit(given, _DEFAULT_LIMIT) or _DEFAULT_LIMIT
