"""Questions of SQuAD and HotpotQA over the passages that answer them and many others."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Iterator
from functools import cache, partial
from pathlib import Path
from typing import Any, NamedTuple

from lm_eval.api.current_run import current_run
from lm_eval.errors import DatasetError
from lm_eval.tasks.ruler.documents import MadeDocuments, made
from lm_eval.tasks.ruler.sizing import Doc, Draft, Draws, SyntheticTask

__all__ = ["get_hotpotqa", "get_squad"]

_TEXT = (
    "Answer the question based on the given documents. Only give me the answer and do not output any other words."
    "\n\nThe following are given documents.\n\n{context}\n\nAnswer the question based on the given documents. Only give"
    " me the answer and do not output any other words.\n\nQuestion: {query}"
)
_SQUAD = "https://rajpurkar.github.io/SQuAD-explorer/dataset/dev-v2.0.json"
_HOTPOT = (
    "https://huggingface.co/datasets/namlh2004/hotpotqa/resolve/7e54db4656209750ff487f6fdf8e39a66dba136b/"
    "hotpot_dev_distractor_v1.json"
)
_SEED = 42


class _Question(NamedTuple):
    """A question: its answers, the numbers of the passages that belong to it, and of those of the same article."""

    text: str
    answers: list[str]
    passages: list[int]
    related: list[int]


class _Source(NamedTuple):
    """Questions and the passages of all of them."""

    questions: list[_Question]
    passages: list[str]


@cache
def _file(url: str, data_dir: Path | None) -> Any:
    """Read a JSON file from the folder ``ruler`` of the data folder, or download it once."""
    local = data_dir / "ruler" / url.rpartition("/")[2] if data_dir is not None else None
    try:
        if local is None or not local.is_file():
            import datasets

            local = Path(datasets.DownloadManager().download(url))
        return json.loads(local.read_bytes())
    except Exception as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        name = url.rpartition("/")[2]
        what = f"ruler: {url} could not be read ({reason}). Put a copy at DIR/ruler/{name} and give --data_dir DIR."
        raise DatasetError(what) from error


def _squad() -> _Source:
    articles = _file(_SQUAD, current_run().data_dir)["data"]
    passages = sorted({paragraph["context"] for article in articles for paragraph in article["paragraphs"]})
    number = {passage: place for place, passage in enumerate(passages)}
    questions = []
    for article in articles:
        of_article = [number[paragraph["context"]] for paragraph in article["paragraphs"]]
        for paragraph in article["paragraphs"]:
            own = number[paragraph["context"]]
            related = [other for other in of_article if other != own]
            questions += [
                _Question(question["question"], [answer["text"] for answer in question["answers"]], [own], related)
                for question in paragraph["qas"]
                if not question["is_impossible"]
            ]
    return _Source(questions, passages)


def _hotpot() -> _Source:
    rows = _file(_HOTPOT, current_run().data_dir)
    texts = [[f"{title}\n{''.join(lines)}" for title, lines in row["context"]] for row in rows]
    passages = sorted({text for several in texts for text in several})
    number = {passage: place for place, passage in enumerate(passages)}
    return _Source(
        [
            _Question(row["question"], [row["answer"]], [number[text] for text in several], [])
            for row, several in zip(rows, texts, strict=True)
        ],
        passages,
    )


class _Passages(SyntheticTask):
    """A question with passages; units are passages."""

    answer_tokens = 32
    step = 10

    def __init__(self, max_length: int, name: str, source: _Source) -> None:
        super().__init__(max_length)
        self.name, self._source = name, source
        self.most, self.samples = len(source.passages), min(self.samples, len(source.questions))
        self.data = hashlib.sha256(json.dumps(source).encode()).hexdigest()

    def sizes(self, units: int, index: int) -> Iterator[int]:
        # A question keeps all of its own passages.
        least = len(self._source.questions[index].passages)
        yield from range(max(units, least), least, -(self.fine_step if self.fine else self.step))
        yield least

    def draft(self, units: int, index: int, draws: Draws) -> Draft:
        question, passages = self._source.questions[index], self._source.passages
        shown = self._shown(units, question, draws) if units < len(passages) else list(range(len(passages)))
        random.Random(_SEED).shuffle(shown)

        @cache
        def text() -> str:
            context = "\n\n".join(f"Document {place}:\n{passages[number]}" for place, number in enumerate(shown, 1))
            return _TEXT.format(context=context, query=question.text)

        def finish(_: Draws) -> Doc:
            return {"input": text(), "outputs": question.answers, "gen_prefix": "Answer:"}

        return Draft(lambda: f"{text()} {question.answers}", text, finish)

    def _shown(self, units: int, question: _Question, draws: Draws) -> list[int]:
        """Draw the passages around those of a question: first those of its article, then any others."""
        own, related = question.passages, question.related
        if units - len(own) <= len(related):
            return own + draws.plain.sample(related, max(0, units - len(own)))
        taken = {*own, *related}
        others = [number for number in range(len(self._source.passages)) if number not in taken]
        return own + related + draws.plain.sample(others, max(0, units - len(own) - len(related)))


def get_squad(**kwargs: Any) -> MadeDocuments:
    """Make the documents of ``ruler_qa_squad``.

    Args:
        **kwargs: The metadata of the task.
    """
    return made(partial(_Passages, name="ruler_qa_squad", source=_squad()), kwargs)


def get_hotpotqa(**kwargs: Any) -> MadeDocuments:
    """Make the documents of ``ruler_qa_hotpot``.

    Args:
        **kwargs: The metadata of the task.
    """
    return made(partial(_Passages, name="ruler_qa_hotpot", source=_hotpot()), kwargs)
