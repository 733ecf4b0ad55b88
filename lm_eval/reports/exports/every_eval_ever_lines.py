"""The lines of Every Eval Ever: one per document and score, of ``instance_level_eval.schema.json``."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import IO

from lm_eval.reports.exports.parts import json_bytes
from lm_eval.reports.exports.samples import Answered, answered
from lm_eval.results import Run, Score
from lm_eval.results.json_values import at
from lm_eval.text import sha256

__all__ = ["VERSION", "Lines", "result_id"]

VERSION = "0.3.0"
"""The version of the schema."""


def result_id(score: Score) -> str:
    """Name a score within its record.

    Args:
        score: The score.
    """
    return f"{score.task}/{score.key}"


class Lines:
    """The lines of the documents: one per document and score, as the schema wants.

    Attributes:
        count: Number of lines written.
        checksum: The SHA-256 of all lines; empty before they are written.
    """

    def __init__(self, run: Run, record: Mapping[str, object], scores: Sequence[Score]) -> None:
        """Choose what to write.

        Args:
            run: The run.
            record: The record that the lines belong to.
            scores: The scores; the values of their documents lie within 0 and 1.
        """
        self._run, self._scores = run, scores
        self._same = {"schema_version": VERSION, "evaluation_id": record["evaluation_id"]}
        self._same |= {"model_id": at(record, "model_info", "id")}
        self.count, self.checksum = 0, ""

    def write(self, file: IO[bytes]) -> None:
        """Write all lines, and note their number and checksum.

        Args:
            file: Where they go.
        """
        digest = hashlib.sha256()
        for task in dict.fromkeys(score.task for score in self._scores):
            scores = [score for score in self._scores if score.task == task]
            for answer in answered(self._run, task):
                for score in scores:
                    value = answer.sample.number(score.metric)
                    if score.filter != answer.sample.filter or value is None or answer.sample.is_lost:
                        continue
                    line = json_bytes(self._line(score, answer, value)) + b"\n"
                    digest.update(line)
                    file.write(line)
                    self.count += 1
        self.checksum = digest.hexdigest()

    def _line(self, score: Score, answer: Answered, value: float) -> dict[str, object]:
        right = value == 0 if score.higher_is_better is False else value == 1
        attribution = {
            **{"turn_idx": 0, "source": "output.raw", "extracted_value": answer.filtered},
            **{"extraction_method": score.filter, "is_terminal": True},
        }
        line: dict[str, object] = {
            **self._same,
            "evaluation_name": score.task,
            "evaluation_result_id": result_id(score),
            "sample_id": str(answer.sample.doc_id),
            "sample_hash": sha256(answer.prompt + "".join(answer.references)),
            "interaction_type": "single_turn",
            "input": {"raw": answer.prompt, "reference": answer.references},
            "output": {"raw": answer.responses},
            "answer_attribution": [attribution],
            "evaluation": {"score": value, "is_correct": right},
        }
        if answer.is_conversation:
            messages = [*answer.turns, ("assistant", next(iter(answer.responses), ""))]
            listed = [{"turn_idx": at, "role": role, "content": text} for at, (role, text) in enumerate(messages)]
            line |= {"interaction_type": "multi_turn", "output": None, "messages": listed}
            line["evaluation"] = {"score": value, "is_correct": right, "num_turns": len(messages)}
            where = {"turn_idx": len(messages) - 1, "source": f"messages[{len(messages) - 1}].content"}
            line["answer_attribution"] = [{**attribution, **where}]
        if answer.choices:
            line["input"] = {"raw": answer.prompt, "reference": answer.references, "choices": answer.choices}
        if answer.reasoning and not answer.is_conversation:
            line["output"] = {"raw": answer.responses, "reasoning_trace": answer.reasoning}
        return line
