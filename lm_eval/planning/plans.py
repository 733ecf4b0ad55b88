"""A plan: what a run would ask, as data and as a text for people."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields

from lm_eval.judging import JudgeEstimate
from lm_eval.models.estimate import TaskEstimate
from lm_eval.reports.columns import WIDTH, columns
from lm_eval.text import first_names, not_run, visible

__all__ = ["Example", "Plan", "TaskPlan"]

_DATA_URL = re.compile(r"^data:([\w/+.-]+);base64,(.{64,})$", re.DOTALL)


@dataclass(kw_only=True, slots=True)
class TaskPlan(TaskEstimate):
    """What one task would ask: an estimate, and what it is about.

    Attributes:
        task: The name of the task.
        output_type: The output type of the task.
        num_fewshot: Number of few-shot examples in each prompt.
        docs: Number of documents.
        cost: Maximum cost at the prices of the model; None without prices.
    """

    task: str
    output_type: str
    num_fewshot: int
    docs: int
    cost: float | None = None


@dataclass(slots=True)
class Example:
    """The first prompt of a run.

    Attributes:
        task: The task of the prompt.
        doc: The index of the document in its split.
        prompt: The prompt: a text, or messages.
        continuation: The text that is scored after the prompt; None for generation.
        path: The part of the URL after the base URL; empty for a model that is not a ``TemplateAPI``.
        body: The JSON body of the request; None if only the server knows a part of it.
    """

    task: str
    doc: int
    prompt: str | Sequence[Mapping[str, object]]
    continuation: str | None = None
    path: str = ""
    body: Mapping[str, object] | None = None


@dataclass(slots=True)
class Plan:
    """What a run would ask.

    Attributes:
        model: The kind of model.
        model_args: The arguments of the model, without secrets.
        tasks: One plan for each task, in the order of the run.
        tokens_by: How tokens were counted, in words.
        scoring: The strategy for log-likelihoods; None if none are scored.
        scoring_assumed: Whether the strategy is assumed, since only the probe of a run finds it.
        window: The window of the model in tokens; None if it is not known.
        answers_kept: Whether answers are kept in a file, so that equal requests are sent once.
        example: The first prompt.
        refused: Task name to the reason why the endpoint cannot answer the task.
        faults: Task name to the reason why the task cannot be built.
        notes: More to know, one sentence each.
        judging: What each judge would be asked about each task.
    """

    model: str
    model_args: Mapping[str, object] = field(default_factory=dict)
    tasks: list[TaskPlan] = field(default_factory=list)
    tokens_by: str = "characters / 4"
    scoring: str | None = None
    scoring_assumed: bool = False
    window: int | None = None
    answers_kept: bool = False
    example: Example | None = None
    refused: dict[str, str] = field(default_factory=dict)
    faults: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    judging: list[JudgeEstimate] = field(default_factory=list)

    @property
    def total(self) -> TaskPlan:
        """The sum over the tasks."""
        costs = [task.cost for task in self.tasks if task.cost is not None]
        names = ["docs", *(item.name for item in fields(TaskEstimate))]
        sums = {name: sum(getattr(task, name) for task in self.tasks) for name in names}
        title, cost = f"{len(self.tasks)} tasks", sum(costs) if costs else None
        return TaskPlan(task=title, output_type="", num_fewshot=0, cost=cost, **sums)

    def to_dict(self) -> dict[str, object]:
        """Return the plan as plain data, with its total."""
        return {**asdict(self), "total": asdict(self.total)}

    def __str__(self) -> str:
        return _render(self)


def _render(plan: Plan) -> str:
    """Write the table of tasks, what the numbers rest on, what would go wrong, and the first prompt."""
    arguments = visible(",".join(f"{key}={value}" for key, value in plan.model_args.items()))
    parts = [*_wrapped(f"Plan: {plan.model} ({arguments}); nothing was asked."), ""]
    if plan.tasks:
        parts += [*_table(plan), ""]
    if plan.judging:
        parts += [*_judges(plan), ""]
    for sentence in _basis(plan):
        parts += _wrapped(sentence)
    for warning in _warnings(plan):
        parts += _wrapped(f"! {warning}")
    if plan.example is not None:
        parts += ["", *_example(plan.example)]
    if prompt := next((entry.prompt for entry in plan.judging if entry.prompt), ""):
        parts += ["", "First prompt of the judge, apart from what it is told about marks and form:", "", prompt]
    return "\n".join(parts)


def _wrapped(sentence: str) -> list[str]:
    """Break a sentence into lines, but never within a word such as a URL."""
    return textwrap.wrap(sentence, WIDTH, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)


def _table(plan: Plan) -> list[str]:
    priced = any(task.cost is not None for task in plan.tasks)
    head = ["Task", "Output type", "Shots", "Documents", "Requests", "Prompt tokens", "Generated ≤"]
    rows = [head + ["Cost ≤"] * priced]
    for task in [*plan.tasks, *([plan.total] if len(plan.tasks) > 1 else [])]:
        # The total has no output type and no number of shots.
        row = [task.task, task.output_type, str(task.num_fewshot) if task.output_type else ""]
        row += [f"{number:,}" for number in (task.docs, task.requests, task.prompt_tokens, task.generated_tokens)]
        rows.append(row + [_money(task.cost)] * priced)
    lines = columns(rows, right=range(2, len(rows[0])), narrow=(1,))
    rule = "-" * max(map(len, lines))
    closing = [rule, lines[-1]] if len(plan.tasks) > 1 else [lines[-1]]
    return [lines[0], rule, *lines[1:-1], *closing]


def _judges(plan: Plan) -> Iterator[str]:
    """Write the table of what the judges would be asked."""
    priced = any(entry.cost is not None for entry in plan.judging)
    rows = [["Judge", "Task", "Requests ≤", "Prompt tokens ≤", "Generated ≤"] + ["Cost ≤"] * priced]
    for entry in plan.judging:
        numbers = [f"{number:,}" for number in (entry.requests, entry.prompt_tokens, entry.generated_tokens)]
        rows.append([entry.judge, entry.task, *numbers] + [_money(entry.cost)] * priced)
    lines = columns(rows, right=range(2, len(rows[0])), narrow=(1,))
    yield from (lines[0], "-" * max(map(len, lines)), *lines[1:])


def _money(cost: float | None) -> str:
    if cost is None:
        return ""
    return f"{cost:,.2f}" if cost >= 1 else f"{cost:.3g}"


def _basis(plan: Plan) -> Iterator[str]:
    """Say what the numbers rest on."""
    yield f"Requests: HTTP calls; a document may need several. Prompt tokens: {plan.tokens_by}."
    if plan.scoring is not None and plan.scoring_assumed:
        yield (
            f"Log-likelihoods: scoring={plan.scoring} is assumed; the probe at the start of a run decides, "
            "scoring=NAME in model_args fixes it."
        )
    elif plan.scoring is not None:
        yield f"Log-likelihoods: scoring={plan.scoring}."
    repeated = plan.total.repeated
    if repeated and plan.answers_kept:
        yield f"{repeated:,} requests are equal to others and are sent once; they are not counted."
    elif repeated:
        yield (
            f"{repeated:,} of the requests are equal to others; with --output_path or --use_cache they would be sent "
            "once."
        )
    if plan.judging:
        yield (
            "Judges: with answers as long as the task allows. A verdict that cannot be read is asked for once more, "
            "which is not counted."
        )
    if plan.window is not None:
        yield f"Window: {plan.window:,} tokens."
    elif plan.tasks:
        yield "Window: not known, so whether prompts fit was not checked; max_length=N in model_args sets it."
    yield from plan.notes


def _warnings(plan: Plan) -> Iterator[str]:
    for task in plan.tasks:
        if task.too_long:
            yield f"{task.task}: {task.too_long:,} prompts are longer than the window: lost, or cut with truncate=true."
        if task.tight:
            yield f"{task.task}: {task.tight:,} prompts leave less room than max_gen_toks in the window."
    for entry in plan.judging:
        if entry.fault:
            yield f"{entry.task}: the judge {entry.judge} cannot be asked about all documents: {entry.fault}"
    yield from not_run(plan.refused)
    for reason in dict.fromkeys(plan.faults.values()):
        names = [name for name, why in plan.faults.items() if why == reason]
        yield f"Cannot run: {first_names(names)}. {reason}"


def _example(example: Example) -> Iterator[str]:
    yield f"First prompt: {example.task}, document {example.doc}"
    yield ""
    if isinstance(example.prompt, str):
        yield example.prompt
    else:
        for message in example.prompt:
            content = message.get("content")
            shown = content if isinstance(content, str) else json.dumps(_brief(content), ensure_ascii=False)
            yield f"[{message.get('role')}]"
            yield shown
    if example.continuation is not None:
        yield ""
        yield f"Scored after it: {example.continuation!r}"
    if example.path:
        yield ""
        if example.body is None:
            yield f"Its request (POST {example.path}) needs token ids from the server, which did not answer."
        else:
            yield f"Its request: POST {example.path}"
            yield json.dumps(_brief(example.body), indent=2, ensure_ascii=False, default=str)


def _brief(value: object) -> object:
    """Copy a request body with images and long lists of token ids shortened."""
    if isinstance(value, Mapping):
        return {key: _brief(item) for key, item in value.items()}
    if isinstance(value, list):
        if len(value) > 20 and all(isinstance(item, int) for item in value):
            return f"[{', '.join(map(str, value[:8]))}, … {len(value)} token ids]"
        return [_brief(item) for item in value]
    found = _DATA_URL.match(value) if isinstance(value, str) else None
    return f"data:{found[1]};base64,{found[2][:16]}… ({len(found[2])} characters)" if found else value
