"""One judge: how it is asked, and how its replies become verdicts."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lm_eval.api.instance import Instance, ResponseInfo
from lm_eval.api.model import LM, ask_model
from lm_eval.api.verdicts import Verdict
from lm_eval.config.generation import CONSTRAINED_TO, merge_settings
from lm_eval.config.scorer import ScorerSpec, VerdictSpec
from lm_eval.errors import ConfigError
from lm_eval.judging.fences import Fence
from lm_eval.judging.questions import Question
from lm_eval.judging.reading import VerdictReader, as_json

__all__ = ["Juror", "settings_of"]

eval_logger = logging.getLogger("lm_eval")

MAX_ATTEMPTS = 2
"""Number of replies that are asked for until one has a verdict."""
_MAX_TOKENS = 2048
_READABLE = ("ok", "unknown_finish")
_AS_JSON = 'Reply with a JSON object: {"reasoning": "…", "%s": …}. The verdict comes after the reasoning.'
_AGAIN = "Your verdict could not be read in an earlier reply to this. Write it in exactly the form that is asked for."
_PROBE = f"Is this true? {_AS_JSON % 'verdict'}\n{Fence('0' * 16).put('2 + 2 = 4')}"
_SECRET = VerdictSpec("labels", {"zebra 7261": 1.0, "quartz 4905": 0.0})
"""Labels that no model writes by itself, so that a reply with one of them was constrained."""


def settings_of(spec: ScorerSpec, read: str = "text", key: str = "verdict") -> dict[str, Any]:
    """Return the generation settings of a judge.

    Args:
        spec: The ``scorer`` of the task.
        read: How verdicts are asked for: ``text``, ``json`` or ``choice``.
        key: The key of the verdict in an object.
    """
    default = {"until": [], "max_gen_toks": _MAX_TOKENS, "temperature": 1.0 if spec.repeats > 1 else 0.0}
    settings: dict[str, Any] = merge_settings(default, spec.generation_kwargs)
    if read == "json":
        settings |= as_json(spec.verdict, key)
    elif read == "choice":
        settings[CONSTRAINED_TO] = list(spec.verdict.labels)
    return settings


@dataclass(slots=True)
class Juror:
    """A judge of a jury.

    Attributes:
        name: Its name in results.
        lm: The model.
        settings: What the user gave, without secrets.
        reads: Task name to how its verdicts are asked for.
    """

    name: str
    lm: LM
    settings: Mapping[str, object]
    reads: dict[str, str]
    _json: bool | None = None

    def choose(self, name: str, spec: ScorerSpec) -> None:
        """Decide how verdicts of a task are asked for; this may send one request.

        A task with a pattern of its own says how a verdict looks, so ``auto`` means ``text`` for it. Else ``auto``
        means ``json``, if the server makes the model write it and the model does not think before: the reasoning comes
        first in the object, and nothing that is quoted in it can be taken for the verdict.

        Args:
            name: The task.
            spec: Its ``scorer``.

        Raises:
            ConfigError: The endpoint cannot do what the task asks for.
        """
        read: str = spec.read
        if read == "auto":
            read = "json" if spec.pattern is None and self._writes_json() else "text"
        if read == "choice":
            if not spec.verdict.labels:
                raise ConfigError(f"Task {name}: read: choice needs labels; a scale has none.")
            if (reason := self.lm.harness_refuses(CONSTRAINED_TO)) is not None:
                raise ConfigError(f"Task {name}: judge {self.name} cannot be read by choice: {reason}")
        self.reads[name] = read

    def _writes_json(self) -> bool:
        """Ask the judge once for an object that it would not write by itself."""
        from lm_eval.models.api_models import TemplateAPI

        if self._json is None and not isinstance(self.lm, TemplateAPI):
            self._json = False  # Another class may not know the setting.
        if self._json is None:
            assert isinstance(self.lm, TemplateAPI)
            settings = {"until": [], "max_gen_toks": 200, "temperature": 0.0, **as_json(_SECRET)}
            probe = Instance("generate_until", {}, (self.prompt(_PROBE, None), settings), 0, ("json_probe", 0, 1))
            with self.lm.harness_pool.session.at_once():
                ask_model(self.lm, [probe])
            reader = VerdictReader(ScorerSpec(_SECRET))
            thinks = any(info.reasoning for info in probe.info)
            self._json = bool(probe.resps) and not thinks and reader.of_json(str(probe.resps[0]))[0] is not None
        return self._json

    def prompt(self, text: str, system: str | None) -> object:
        """Return a prompt as the model takes it: messages for a chat API, else text.

        Args:
            text: What the judge is asked.
            system: The system message; None for none.
        """
        if not getattr(self.lm, "chat", False):
            return text if system is None else f"{system}\n\n{text}"
        messages = [] if system is None else [{"role": "system", "content": system}]
        return self.lm.apply_chat_template([*messages, {"role": "user", "content": text}])

    def instance(self, name: str, doc_id: int, spec: ScorerSpec, question: Question, again: int = 0) -> Instance:
        """Return the request for a question.

        Args:
            name: The task.
            doc_id: The document.
            spec: The ``scorer`` of the task.
            question: What is asked.
            again: Number of repeats to ask another time, since they had no verdict; 0 asks all for the first time.
        """
        read = self.reads[name]
        parts = [question.fence.rule, question.prompt.strip()]
        if read == "json":
            parts.append(_AS_JSON % _key_of(question))
        elif read == "text" and question.signed:
            parts.append(question.fence.demand)
        # Other bytes than before, so that the journal does not give the same reply again.
        parts += [_AGAIN] if again else []
        arguments = (self.prompt("\n\n".join(parts), spec.system), settings_of(spec, read, _key_of(question)))
        return Instance("generate_until", {}, arguments, 0, (name, doc_id, again or spec.repeats))

    def verdicts(
        self, name: str, reader: VerdictReader, question: Question, instance: Instance, repeats: Sequence[int]
    ) -> list[Verdict]:
        """Read the replies to a question.

        Args:
            name: The task.
            reader: Reads its verdicts.
            question: What was asked.
            instance: The request, with its replies.
            repeats: The number of the repeat that each reply is for.

        Returns:
            One verdict per repeat; without a score where there is none.
        """
        found = []
        for index, repeat in enumerate(repeats):
            verdict = Verdict(self.name, repeat, answer=question.answer, criterion=question.criterion)
            verdict.first = question.first
            found.append(verdict)
            if index >= len(instance.resps):
                error = instance.error
                verdict.status, verdict.attempts = "failed", 1
                verdict.error = f"{error.kind}: {error.message}" if error is not None else "not_asked: no reply"
                continue
            info = instance.info[index] if index < len(instance.info) else ResponseInfo()
            verdict.text, verdict.reasoning = str(instance.resps[index]), info.reasoning or None
            label = self._read(name, reader, question, verdict) if info.outcome in _READABLE else None
            if label is None:
                verdict.status = "unreadable"
                cut = "" if info.outcome in _READABLE else f" ({info.outcome})"
                verdict.error = f"No verdict in the reply{cut}."
            else:
                score = reader.score(label)
                verdict.label, verdict.score = label, 1 - score if question.first == "baseline" else score
        return found

    def _read(self, name: str, reader: VerdictReader, question: Question, verdict: Verdict) -> str | None:
        read = self.reads[name]
        if read == "json":
            label, reasoning = reader.of_json(verdict.text, _key_of(question))
            verdict.reasoning = verdict.reasoning or reasoning
            return label
        if read == "choice":
            return reader.checked(verdict.text.strip()) or reader.of_json(verdict.text, "answer")[0]
        own = question.fence.own(verdict.text)
        if not question.signed:
            return reader.last(own)
        after = question.fence.signed(own)
        return None if after is None else reader.after_sign(after)


def _key_of(question: Question) -> str:
    return question.fence.key if question.keyed else "verdict"
