"""SCROLLS: seven tasks over long texts, read from the archives that its dataset repository publishes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache, partial
from typing import Any, ClassVar

from rouge_score.rouge_scorer import RougeScorer

from lm_eval.api.current_run import current_run
from lm_eval.api.instance import Instance
from lm_eval.api.metrics import mean
from lm_eval.api.task import ConfigurableTask
from lm_eval.api.task_parts.documents import load_task_dataset
from lm_eval.tasks.shared.squad import best, f1, normalize

__all__ = ["ContractNLI", "GovReport", "NarrativeQA", "QMSum", "Qasper", "QuALITY", "SummScreenFD"]

Doc = dict[str, Any]
Pair = tuple[str, Sequence[str]]
"""A prediction and its references."""

_SPLITS = ("train", "validation")
_LINE = {"until": ["\n"]}


def _url(name: str, split: str) -> str:
    """Return the address of a split within the archive of a task: today's datasets runs no loading script."""
    return f"zip://{name}/{split}.jsonl::https://huggingface.co/datasets/tau/scrolls/resolve/main/{name}.zip"


def _merged(rows: Iterable[Mapping[str, Any]]) -> list[Doc]:
    """Unite rows with the same id, which differ in their output only."""
    docs: dict[str, Doc] = {}
    for row in rows:
        doc = docs.setdefault(row["id"], {**{key: row[key] for key in row if key != "output"}, "outputs": []})
        doc["outputs"].append(row["output"])
    return list(docs.values())


def _with_question(doc: Doc) -> Doc:
    """Split off the question, which the data put in front of the text."""
    text = doc["input"]
    # Without a blank line the place is -1, as in the reference harness.
    place = text.find("\n\n")
    return {**doc, "question": text[0:place], "text": text[place + 2 :]}


class _Scrolls(ConfigurableTask):
    """A task of SCROLLS, over its training and validation splits."""

    VERSION = 2
    DATASET_PATH = "tau/scrolls"
    scores: ClassVar[Sequence[str]] = ()
    """The scores over pairs of a prediction and its references."""

    def __init__(self, config: Mapping[str, Any] | None = None) -> None:
        """Create the task.

        Args:
            config: Settings that replace the task's.
        """
        given = {key: value for key, value in (config or {}).items() if key not in ("class", "group")}
        metadata = {**(given.pop("metadata", None) or {}), "version": self.VERSION}
        super().__init__(config={"dataset_path": "json", **given, "metadata": metadata})

    def download(self, *args: object, **kwargs: Any) -> None:
        """Read both splits from the archive.

        Args:
            *args: Ignored.
            **kwargs: Ignored.
        """
        name = str(self.DATASET_NAME)
        files = {"data_files": {split: _url(name, split) for split in _SPLITS}}
        loaded = load_task_dataset(self.task_name, "json", None, files, data_dir=current_run().data_dir)
        self.dataset = {split: [self._process_doc(doc) for doc in _merged(loaded[split])] for split in _SPLITS}

    def _process_doc(self, doc: Doc) -> Doc:
        return _with_question(doc)

    def has_training_docs(self) -> bool:
        """All tasks have training documents."""
        return True

    def has_validation_docs(self) -> bool:
        """All tasks have validation documents."""
        return True

    def has_test_docs(self) -> bool:
        """The test documents have no answers."""
        return False

    def training_docs(self) -> Any:
        """Return the training documents."""
        return self.dataset["train"]

    def validation_docs(self) -> Any:
        """Return the validation documents."""
        return self.dataset["validation"]

    def should_decontaminate(self) -> bool:
        """All tasks name a text to look for."""
        return True

    def doc_to_decontamination_query(self, doc: Doc) -> Any:
        """Return the text to look for."""
        return doc["input"]

    def doc_to_text(self, doc: Doc, *args: object) -> Any:
        """Write the text and its question."""
        return f"{doc['text']}\n\nQuestion: {doc['question']}\nAnswer:"

    def doc_to_target(self, doc: Doc, *args: object) -> Any:
        """Write all outputs."""
        return " " + ", ".join(doc["outputs"])

    def construct_requests(self, doc: Doc, ctx: Any, **kwargs: Any) -> list[Instance] | Instance:
        """Ask for a line of text.

        Args:
            doc: The document.
            ctx: The prompt.
            **kwargs: Fields of the Instances.
        """
        return Instance("generate_until", doc, (ctx, dict(_LINE)), 0, **_fields(kwargs))

    def process_results(self, doc: Doc, results: Sequence[Any]) -> dict[str, Any]:
        """Return the prediction with its references, under the name of each score.

        Args:
            doc: The document.
            results: The response.
        """
        return dict.fromkeys(self.scores, (results[0], doc["outputs"]))

    def aggregation(self) -> dict[str, Callable[[Sequence[Any]], float]]:
        """Return the function of each score."""
        return {name: partial(_score, name) for name in self.scores}

    def higher_is_better(self) -> dict[str, bool]:
        """All scores are better when higher."""
        return dict.fromkeys(self.aggregation(), True)


def _fields(kwargs: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in kwargs.items() if key not in ("apply_chat_template", "chat_template")}


def _score(name: str, pairs: Sequence[Pair]) -> float:
    """Average a score over documents, in percent; each document counts with the reference that is nearest."""
    score = f1 if name == "f1" else partial(_rouge, name)
    values = [best(score, references, prediction) for prediction, references in pairs]
    return round(100 * sum(values) / len(values), 4)


def _rouge(kind: str, reference: str, prediction: str) -> float:
    value: float = _scorer().score(reference, prediction)[kind].fmeasure
    return value


@cache
def _scorer() -> RougeScorer:
    return RougeScorer(["rouge1", "rouge2", "rougeL"], use_stemmer=False)


class _Choice(_Scrolls):
    """A task with choices, compared by log-likelihood."""

    def construct_requests(self, doc: Doc, ctx: Any, **kwargs: Any) -> list[Instance]:
        """Ask about each choice; in a chat no blank precedes it.

        Args:
            doc: The document.
            ctx: The prompt.
            **kwargs: Fields of the Instances.
        """
        blank = "" if kwargs.get("apply_chat_template") else " "
        return [
            Instance("loglikelihood", doc, (ctx, f"{blank}{choice}"), place, **_fields(kwargs))
            for place, choice in enumerate(doc["choices"])
        ]

    def process_results(self, doc: Doc, results: Sequence[Any]) -> dict[str, Any]:
        """Score the most likely choice, and the most likely one per character.

        Args:
            doc: The document.
            results: One log-likelihood for each choice.
        """
        values = [logprob for logprob, _ in results]
        per_character = [value / float(len(choice)) for value, choice in zip(values, doc["choices"], strict=True)]
        right = float(per_character.index(max(per_character)) == doc["gold"])
        return {"acc": float(values.index(max(values)) == doc["gold"]), "acc_norm": right, "em": right * 100.0}

    def aggregation(self) -> dict[str, Callable[[Sequence[Any]], float]]:
        """Return the function of each score."""
        return dict.fromkeys(("em", "acc", "acc_norm"), mean)


class _Summary(_Scrolls):
    """A task that asks for a summary of the whole text."""

    scores = ("rouge1", "rouge2", "rougeL")

    def _process_doc(self, doc: Doc) -> Doc:
        return doc

    def doc_to_text(self, doc: Doc, *args: object) -> Any:
        """Write the text, and ask for its summary."""
        return f"{doc['input']}\n\nQuestion: What is a summary of the preceding text?\nAnswer:"


class Qasper(_Scrolls):
    """Questions about research papers (Dasigi et al., 2021); yes/no questions compare log-likelihoods."""

    DATASET_NAME = "qasper"
    scores = ("f1",)

    def _process_doc(self, doc: Doc) -> Doc:
        yes_no = all(normalize(output) in ("yes", "no") for output in doc["outputs"])
        return {**_with_question(doc), "is_yes_no": yes_no}

    def construct_requests(self, doc: Doc, ctx: Any, **kwargs: Any) -> list[Instance] | Instance:
        """Ask for a line of text, or about yes and no.

        Args:
            doc: The document.
            ctx: The prompt.
            **kwargs: Fields of the Instances.
        """
        if not doc["is_yes_no"]:
            return super().construct_requests(doc, ctx, **kwargs)
        blank = "" if kwargs.get("apply_chat_template") else " "
        return [
            Instance("loglikelihood", doc, (ctx, f"{blank}{word}"), place, **_fields(kwargs))
            for place, word in enumerate(("yes", "no"))
        ]

    def process_results(self, doc: Doc, results: Sequence[Any]) -> dict[str, Any]:
        """Return the prediction with its references.

        Args:
            doc: The document.
            results: The response, or the log-likelihoods of yes and no.
        """
        if doc["is_yes_no"]:
            prediction = " yes" if results[0] > results[1] else " no"
        else:
            prediction = results[0] if results[0].strip() else "Unanswerable"
        return {"f1": (prediction, doc["outputs"])}


class QuALITY(_Choice):
    """Questions with four choices about stories and articles (Pang et al., 2022)."""

    DATASET_NAME = "quality"

    def _process_doc(self, doc: Doc) -> Doc:
        doc = _with_question(doc)
        text = doc["text"]
        end = text.find("\n\n", text.find("(D)"))
        choices = [" ".join(choice.split()) for choice in re.split(r" *\([A-D]\) *", text[:end])[1:]]
        gold = choices.index(" ".join(doc["outputs"][0].split()))
        return {**doc, "text": text[end:].strip(), "choices": choices, "gold": gold}


class NarrativeQA(_Scrolls):
    """Questions about books and film scripts (Kočiský et al., 2018)."""

    DATASET_NAME = "narrative_qa"
    scores = ("f1",)


class ContractNLI(_Choice):
    """Whether a contract entails or contradicts a statement (Koreeda & Manning, 2021)."""

    DATASET_NAME = "contract_nli"
    CHOICES: ClassVar[list[str]] = ["Not mentioned", "Entailment", "Contradiction"]

    def _process_doc(self, doc: Doc) -> Doc:
        return {**_with_question(doc), "choices": self.CHOICES, "gold": self.CHOICES.index(doc["outputs"][0])}

    def doc_to_text(self, doc: Doc, *args: object) -> Any:
        """Write the contract and the statement."""
        return f"{doc['text']}\n\nHypothesis: {doc['question']}\nConclusion:"


class GovReport(_Summary):
    """Summaries of government reports (Huang et al., 2021); they are long, so give a large ``max_gen_toks``."""

    DATASET_NAME = "gov_report"


class SummScreenFD(_Summary):
    """Recaps of television episodes (Chen et al., 2022)."""

    DATASET_NAME = "summ_screen_fd"


class QMSum(_Summary):
    """Summaries of a meeting that answer a question (Zhong et al., 2021)."""

    DATASET_NAME = "qmsum"

    def _process_doc(self, doc: Doc) -> Doc:
        return _with_question(doc)

    def doc_to_text(self, doc: Doc, *args: object) -> Any:
        """Write the transcript and its question."""
        return _Scrolls.doc_to_text(self, doc)
