"""``Task``: from documents to Instances, and from responses to values. Python task files subclass it."""

from __future__ import annotations

import logging
import math
import random
from abc import ABC, abstractmethod
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from typing import Any, ClassVar

from lm_eval.api.filter import FilterEnsemble
from lm_eval.api.instance import Doc, Instance, OutputType, RequestError
from lm_eval.api.registry import Aggregation, get_aggregation
from lm_eval.api.samplers import DEFAULT_SEED
from lm_eval.api.task_parts.documents import Docs, PathName, iterate, load_task_dataset
from lm_eval.api.task_parts.fields import text_reader
from lm_eval.api.task_parts.pipelines import build_filters
from lm_eval.api.task_parts.prompts import ChatTemplate
from lm_eval.api.task_parts.scoring import text_sizes
from lm_eval.config.scorer import ScorerSpec
from lm_eval.config.task import TaskConfig
from lm_eval.errors import ConfigError, DatasetError, LMEvalError, TaskFileError
from lm_eval.statistics.repeats import OverRepeats

__all__ = ["Task", "count_docs"]

eval_logger = logging.getLogger("lm_eval")


def count_docs(number: int, limit: int | float | None) -> int:
    """Count the documents that a run uses.

    Args:
        number: Number of documents in the split.
        limit: Use only the first documents: their number, or a fraction when below 1; None uses all.
    """
    if limit is None:
        return number
    return math.ceil(number * limit) if limit < 1 else min(number, int(limit))


class Task(ABC):
    """A named set of documents, the requests about each, and how the responses are scored.

    Subclasses say where the documents come from, what is asked about each and how its responses are scored.
    ``ConfigurableTask`` does all of that from a config.
    """

    VERSION: int | float | str | None = None
    OUTPUT_TYPE: str | None = None
    DATASET_PATH: str | None = None
    DATASET_NAME: str | None = None
    MULTIMODAL: ClassVar[bool] = False
    UNSAFE_CODE: bool = False

    def __init__(
        self,
        data_dir: str | None = None,
        cache_dir: str | None = None,
        download_mode: object = None,
        config: Mapping[str, Any] | None = None,
    ) -> None:
        """Read the config; the dataset is loaded when it is first used.

        Args:
            data_dir: Passed to ``download``.
            cache_dir: Passed to ``download``.
            download_mode: Passed to ``download``.
            config: Content of the task file.
        """
        given = {key: value for key, value in (config or {}).items() if key != "class"}
        self._config = TaskConfig(**given) if given else TaskConfig(task=type(self).__name__)
        self._download_args = (data_dir, cache_dir, download_mode)
        self._data_dir: PathName | None = None
        self._dataset: Mapping[str, Docs] | None = None
        self._saved_docs: list[Doc] | None = None
        self._instances: list[Instance] = []
        self._filters = build_filters(self._config.filter_list)
        self.fewshot_rnd = random.Random(DEFAULT_SEED)
        self.notes: list[str] = []
        """What a reader of the scores should know about prompts and scoring, one sentence each."""

    # The documents

    @property
    def dataset(self) -> Any:
        """The splits by name, loaded at first use."""
        if self._saved_docs is not None:
            raise ConfigError(
                f"Task {self.task_name!r} reads its dataset to score, in addition to the saved docs;"
                " it cannot be rescored."
            )
        if self._dataset is None:
            self._load()
            if self._dataset is None:
                raise DatasetError(f"Task {self.task_name}: download() did not set self.dataset.")
        return self._dataset

    @dataset.setter
    def dataset(self, value: Any) -> None:
        """Set the splits."""
        self._dataset = value

    def _load(self) -> None:
        self.download(*self._download_args)

    def download(self, data_dir: str | None = None, cache_dir: str | None = None, download_mode: object = None) -> None:
        """Load the dataset named by ``DATASET_PATH`` and ``DATASET_NAME`` into ``self.dataset``.

        Args:
            data_dir: Folder with a copy of the dataset.
            cache_dir: Folder where ``datasets`` keeps its files.
            download_mode: As in ``datasets.load_dataset``.
        """
        given = {"data_dir": data_dir, "cache_dir": cache_dir, "download_mode": download_mode}
        kwargs = {key: value for key, value in given.items() if value is not None}
        self.dataset = load_task_dataset(
            str(self.task_name), self.DATASET_PATH, self.DATASET_NAME, kwargs, data_dir=self._data_dir
        )

    def set_data_dir(self, data_dir: PathName | None) -> None:
        """Set the folder that is searched for datasets before the Hub.

        Args:
            data_dir: Folder with ``<dataset_path>`` in it.
        """
        self._data_dir = data_dir

    @abstractmethod
    def has_training_docs(self) -> bool:
        """Whether there is a training split."""

    @abstractmethod
    def has_validation_docs(self) -> bool:
        """Whether there is a validation split."""

    @abstractmethod
    def has_test_docs(self) -> bool:
        """Whether there is a test split."""

    def training_docs(self) -> Docs:
        """Return the documents of the training split."""
        return []

    def validation_docs(self) -> Docs:
        """Return the documents of the validation split."""
        return []

    def test_docs(self) -> Docs:
        """Return the documents of the test split."""
        return []

    def fewshot_docs(self) -> Docs:
        """Return the documents that few-shot examples are drawn from."""
        if self.has_training_docs():
            return self.training_docs()
        if self.has_validation_docs():
            return self.validation_docs()
        eval_logger.warning("Task %s: shots are drawn from the test split; there is no other", self.task_name)
        return self.test_docs()

    def _process_doc(self, doc: Doc) -> Doc:
        """Transform a document; subclasses may call and override this."""
        return doc

    @property
    def eval_docs(self) -> Docs:
        """The documents to evaluate: the test split, else the validation split."""
        if self.has_test_docs():
            return self.test_docs()
        if self.has_validation_docs():
            return self.validation_docs()
        raise TaskFileError(f"task {self.task_name} has neither a test nor a validation split")

    @property
    def scored_docs(self) -> Docs:
        """The documents to score: the saved ones after ``replay``, else ``eval_docs``."""
        return self.eval_docs if self._saved_docs is None else self._saved_docs

    def doc_iterator(
        self,
        *,
        rank: int = 0,
        limit: int | float | None = None,
        world_size: int = 1,
        samples: Sequence[int] | None = None,
    ) -> Iterator[tuple[int, Doc]]:
        """Go through the documents to score.

        Args:
            rank: The first document to take.
            limit: Number of documents, or a fraction of them when below 1; None takes all.
            world_size: Take every ``world_size``-th document.
            samples: Take only these documents, by their index in the split.

        Yields:
            The index of a document in its split, and the document.

        Raises:
            ConfigError: An index in ``samples`` is not in the split.
        """
        docs = self.scored_docs
        if not hasattr(docs, "__len__"):
            docs = list(docs)
        if samples is not None:
            for index in sorted(set(samples))[rank::world_size]:
                if not 0 <= index < len(docs):
                    raise ConfigError(f"Task {self.task_name} has docs 0 to {len(docs) - 1}; there is no doc {index}.")
                yield index, docs[index]
            return
        stop = None if limit is None else count_docs(len(docs), limit)
        for index, doc in enumerate(iterate(docs, stop=stop)):
            if world_size == 1 or index % world_size == rank:
                yield index, doc

    def numbered_docs(
        self,
        limit: int | float | None = None,
        samples: Sequence[int] | None = None,
        rank: int = 0,
        world_size: int = 1,
    ) -> Iterator[tuple[int, Doc]]:
        """Go through the documents to score, as ``doc_iterator`` does.

        Args:
            limit: As for ``doc_iterator``, like all that follows.
            samples: Take only these documents.
            rank: The first document to take.
            world_size: Take every ``world_size``-th document.

        Raises:
            UserError: They cannot be loaded, or the code that makes them fails.
        """
        try:
            yield from self.doc_iterator(rank=rank, limit=limit, samples=samples, world_size=world_size)
        except (Exception, SystemExit) as error:
            fault = _fault(error, f"the docs of task {self.task_name}")
            if fault is error:
                raise
            raise fault from error

    # The prompt

    @abstractmethod
    def doc_to_text(self, doc: Doc) -> Any:
        """Return the question of a document."""

    @abstractmethod
    def doc_to_target(self, doc: Doc) -> Any:
        """Return the answer of a document."""

    def doc_to_image(self, doc: Doc) -> object:
        """Return the images of a document."""
        return None

    def doc_to_audio(self, doc: Doc) -> object:
        """Return the sounds of a document."""
        return None

    def doc_to_prefix(self, doc: Doc) -> str | None:
        """Return the start of the answer of a document, or None."""
        return None

    def doc_to_cluster(self, doc: Doc) -> str | None:
        """Return the name of the cluster of a document, or None when documents are independent."""
        return None

    def doc_to_decontamination_query(self, doc: Doc) -> object:
        """Return the text to search for in training data."""
        raise ConfigError(f"Task {self.task_name} does not override doc_to_decontamination_query.")

    def fewshot_examples(self, k: int, rnd: random.Random) -> list[Doc]:
        """Draw few-shot examples.

        Args:
            k: Number of examples.
            rnd: The source of randomness.
        """
        return rnd.sample(list(self.fewshot_docs()), k)

    def fewshot_context(
        self,
        doc: Doc,
        num_fewshot: int,
        rnd: random.Random | None = None,
        description: str | None = None,
        **kwargs: Any,
    ) -> object:
        """Write the prompt of a document: description, few-shot examples and the question.

        Args:
            doc: The document.
            num_fewshot: Number of few-shot examples.
            rnd: The source of randomness; None takes that of the task.
            description: Text at the start of the prompt.
            **kwargs: Settings of the run, which this method ignores.
        """
        prompt = description or ""
        if num_fewshot:
            if self.has_training_docs():
                shots = self.fewshot_examples(num_fewshot, rnd or self.fewshot_rnd)
            else:
                drawn = self.fewshot_examples(num_fewshot + 1, rnd or self.fewshot_rnd)
                shots = [shot for shot in drawn if shot != doc][:num_fewshot]
            prompt += "".join(f"{self.doc_to_text(shot)}{self.doc_to_target(shot)}\n\n" for shot in shots)
        return prompt + str(self.doc_to_text(doc))

    def set_fewshot_seed(self, seed: int | None = None) -> None:
        """Seed the drawing of few-shot examples.

        Args:
            seed: The seed.
        """
        self.fewshot_rnd = random.Random(seed)

    # The requests

    @abstractmethod
    def construct_requests(self, doc: Doc, ctx: Any, **kwargs: Any) -> list[Instance] | Instance:
        """Build the Instances of a document.

        Args:
            doc: The document.
            ctx: The prompt, as returned by ``fewshot_context``.
            **kwargs: ``metadata`` for the Instances; ``apply_chat_template`` and ``chat_template`` of the run.
        """

    def build_all_requests(
        self,
        *,
        limit: int | float | None = None,
        samples: list[int] | None = None,
        rank: int = 0,
        world_size: int = 1,
        cache_requests: bool = False,
        rewrite_requests_cache: bool = False,
        system_instruction: str | None = None,
        apply_chat_template: bool = False,
        fewshot_as_multiturn: bool = False,
        chat_template: ChatTemplate | None = None,
        tokenizer_name: str = "",
    ) -> None:
        """Build the Instances of all documents, into ``instances``.

        Args:
            limit: Number of documents, or a fraction of them when below 1; None takes all.
            samples: Take only these documents, by their index in the split.
            rank: The first document to take.
            world_size: Take every ``world_size``-th document.
            cache_requests: Ignored; kept for compatibility with the reference harness.
            rewrite_requests_cache: Ignored, like ``cache_requests``.
            system_instruction: Text at the start of each prompt.
            apply_chat_template: Write prompts as chats.
            fewshot_as_multiturn: Keep few-shot examples as separate turns.
            chat_template: Turns messages into a prompt.
            tokenizer_name: Ignored, like ``cache_requests``.

        Raises:
            UserError: A document does not fit the config.
        """
        self._instances = []
        for group in self.requests_by_document(
            limit=limit,
            samples=samples,
            rank=rank,
            world_size=world_size,
            system_instruction=system_instruction,
            apply_chat_template=apply_chat_template,
            fewshot_as_multiturn=fewshot_as_multiturn,
            chat_template=chat_template,
        ):
            self._instances += group

    @property
    def builds_in_parts(self) -> bool:
        """Whether the Instances of a document are the same whenever they are built.

        That is not so if code of the task may draw from the shared random state, or builds all requests in its own way.
        """
        return False

    def requests_by_document(
        self,
        *,
        limit: int | float | None = None,
        samples: Sequence[int] | None = None,
        rank: int = 0,
        world_size: int = 1,
        system_instruction: str | None = None,
        apply_chat_template: bool = False,
        fewshot_as_multiturn: bool = False,
        chat_template: ChatTemplate | None = None,
        only: Container[int] | None = None,
        faults_are_final: Callable[[], bool] | None = None,
    ) -> Iterator[list[Instance]]:
        """Build the Instances of one document after the other; ``instances`` stays as it is.

        Args:
            limit: As for ``build_all_requests``, like all that follows.
            samples: Take only these documents.
            rank: The first document to take.
            world_size: Take every ``world_size``-th document.
            system_instruction: Text at the start of each prompt.
            apply_chat_template: Write prompts as chats.
            fewshot_as_multiturn: Keep few-shot examples as separate turns.
            chat_template: Turns messages into a prompt.
            only: Build the Instances of these documents; of the others only the few-shot examples are drawn, if
                ``builds_in_parts``. None builds all.
            faults_are_final: Whether the first document that cannot be built is an error; else it gets an Instance with
                an error. Called for each such document; None means that it is.

        Yields:
            All Instances of a document; the list is empty if it has none.

        Raises:
            UserError: A document does not fit the config.
        """
        name, repeats = self.task_name, self.config.repeats
        count, own, found = 0, 0, False
        for index, doc in self.numbered_docs(limit, samples, rank, world_size):
            if only is not None and index not in only:
                self.pass_over(doc)
                count, own, found = count + 1, own + self.shows_own_answer(doc), True
                continue
            try:
                prompt = self.fewshot_context(
                    doc,
                    num_fewshot=self.config.num_fewshot or 0,
                    system_instruction=system_instruction,
                    apply_chat_template=apply_chat_template,
                    fewshot_as_multiturn=fewshot_as_multiturn,
                    chat_template=chat_template,
                    gen_prefix=self.doc_to_prefix(doc),
                )
                count, own = count + 1, own + self.shows_own_answer(doc)
                self.doc_to_cluster(doc)  # A cluster that cannot be read is an error before the model is asked.
                requests = self.construct_requests(
                    doc=doc,
                    ctx=prompt,
                    metadata=(name, index, repeats),
                    apply_chat_template=apply_chat_template,
                    chat_template=chat_template,
                )
                group = [requests] if isinstance(requests, Instance) else list(requests)
            except (Exception, SystemExit) as error:
                fault = _fault(error, f"doc {index} of task {name}")
                if faults_are_final is None or faults_are_final():
                    if fault is error:
                        raise
                    raise fault from error
                group = [self._not_built(index, doc, fault)]
            found = found or bool(group)
            yield group
        if not found:
            raise DatasetError(f"Task {name} has no docs to evaluate.")
        self._note(count, own)

    def _not_built(self, index: int, doc: Doc, fault: LMEvalError) -> Instance:
        """Stand for a document that cannot be built, so that it counts as lost."""
        eval_logger.error("Task %s: doc %d is not asked and counts as lost: %s", self.task_name, index, fault)
        kind: OutputType = "loglikelihood"
        arguments: tuple[object, ...] = ("", "")
        if self.OUTPUT_TYPE == "generate_until":
            kind, arguments = "generate_until", ("", {})
        elif self.OUTPUT_TYPE == "loglikelihood_rolling":
            kind, arguments = "loglikelihood_rolling", ("",)
        error = RequestError("not_built", str(fault), attempts=0)
        return Instance(kind, doc, arguments, 0, (self.task_name, index, self.config.repeats), error=error)

    def pass_over(self, doc: Doc) -> None:
        """Draw the few-shot examples of a document whose prompt another process writes.

        Args:
            doc: The document.
        """

    def shows_own_answer(self, doc: Doc) -> bool:
        """Whether the prompt that was written last has its own document among the few-shot examples.

        Args:
            doc: The document that the prompt asks about.
        """
        return False

    def _note(self, count: int, own: int) -> None:
        """Note, and log before the model is asked, what the scores alone would not show."""
        self.notes = []
        if own:
            self.notes.append(
                f"{own:,} of {count:,} prompts show the document's own answer among the few-shot examples, as in the"
                " reference harness; fewshot_exclude_self: true leaves it out"
            )
        repeats = self.config.repeats
        if repeats > 1 and not self.over_repeats and all(pipeline.first_only for pipeline in self._filters):
            self.notes.append(
                f"each document is asked {repeats} times, and only the first answer is scored; over_repeats or the"
                " filter majority_vote use all"
            )
        for note in self.notes:
            eval_logger.warning("Task %s: %s.", self.task_name, note)

    @property
    def instances(self) -> list[Instance]:
        """The Instances of this task, document by document; ``apply_filters`` works on these."""
        return self._instances

    @instances.setter
    def instances(self, value: Sequence[Instance]) -> None:
        """Replace the Instances."""
        self._instances = list(value)

    def replay(self, instances: Sequence[Instance]) -> None:
        """Use saved Instances and their documents; the dataset is not loaded, and code that reads it fails.

        Args:
            instances: Instances with responses.
        """
        self._instances = list(instances)
        self._saved_docs = list({instance.doc_id: instance.doc for instance in instances}.values())

    # The scores

    @property
    def filters(self) -> Sequence[FilterEnsemble]:
        """The filter pipelines of this task, at least one."""
        return self._filters

    def apply_filters(self) -> list[Instance]:
        """Run every filter pipeline over the responses.

        Returns:
            The Instances, with ``filtered_resps`` set.
        """
        for pipeline in self._filters:
            pipeline.apply(self._instances)
        return self._instances

    @abstractmethod
    def process_results(self, doc: Doc, results: Any) -> dict[str, Any]:
        """Score a document.

        Args:
            doc: The document.
            results: The filtered response to each of its Instances.

        Returns:
            Metric name to value.
        """

    @abstractmethod
    def aggregation(self) -> Mapping[str, Aggregation]:
        """Return for each metric the function that turns the values of all documents into one number."""

    @abstractmethod
    def higher_is_better(self) -> Mapping[str, bool | None]:
        """Return for each metric whether higher is better."""

    @property
    def scorer(self) -> ScorerSpec | None:
        """How a judge scores the answers; None for a task without ``scorer``."""
        return None if self._config.scorer is None else ScorerSpec.parse(self._config.scorer)

    @property
    def over_repeats(self) -> Mapping[str, Sequence[OverRepeats]]:
        """How the repeats of a document are combined, by metric; the results are named ``<metric>_<how>``."""
        return {}

    def scoring_notes(self) -> list[str]:
        """Return what a reader should know about how responses were scored, one sentence each."""
        return []

    def scoring_state(self) -> dict[str, Any]:
        """Return what ``scoring_notes`` is made of, as plain data; empty when there is nothing to add up."""
        return {}

    def add_scoring_state(self, state: Mapping[str, Any]) -> None:
        """Take over what a copy of this task has counted that scored other documents.

        Args:
            state: What its ``scoring_state`` returned.
        """

    @property
    def metric_functions(self) -> Mapping[str, Callable[..., object]]:
        """The functions that compute the values of documents: metric to function."""
        return {}

    @property
    def metric_parts(self) -> Mapping[str, str]:
        """The values that metrics gave in addition to their own, such as ``rouge1``: name to the metric's name."""
        return {}

    def add_metric_parts(self, parts: Mapping[str, str]) -> None:
        """Take over the ``metric_parts`` of a copy of this task that was scored in another process.

        Args:
            parts: Name to the name of the metric that gives it.
        """

    @classmethod
    def count_bytes(cls, doc: str) -> int:
        """Count the UTF-8 bytes of a text."""
        return text_sizes(doc)[1]

    @classmethod
    def count_words(cls, doc: str) -> int:
        """Count the words of a text, separated by white space."""
        return text_sizes(doc)[0]

    # The config

    @property
    def config(self) -> TaskConfig:
        """The config of the task, with defaults filled in."""
        return self._config

    @property
    def task_name(self) -> str:
        """The name of the task."""
        return self._config.task or type(self).__name__

    def get_config(self, key: str) -> Any:
        """Return a config value, or None when there is no such key."""
        return self._config.get(key)

    def set_config(self, key: str, value: object, update: bool = False) -> None:
        """Change a config value.

        Args:
            key: The key.
            value: Its value.
            update: Merge a mapping into the present one.

        Raises:
            ConfigError: There is no value, or the value to merge into is not a mapping.
        """
        if key is None or value is None:
            raise ConfigError("set_config takes a key and a value.")
        if update:
            present = self._config.get(key, {})
            if not isinstance(present, dict | None) or not isinstance(value, Mapping):
                raise ConfigError(f"Task {self.task_name}: {key} is not a mapping that could be updated.")
            value = {**(present or {}), **value}
        self._config[key] = value

    def dump_config(self) -> dict[str, Any]:
        """Return the config as plain data, with the source text of functions."""
        return self._config.to_dict()

    def override_metric(self, metric_name: str) -> None:
        """Score by one metric only; ``bypass`` scores nothing.

        Args:
            metric_name: The metric.
        """
        self._config.metric_list = [{"metric": metric_name}]
        self._config.scoring = None
        self._config.scorer = None
        self._config.process_results = _bypass if metric_name == "bypass" else None
        if metric_name == "bypass":
            # A subclass may score by methods of its own.
            vars(self).update(process_results=_bypass, aggregation=_no_scores, higher_is_better=_no_direction)

    @staticmethod
    def resolve_field(doc: Doc, field: str | None = None) -> Any:
        """Return a column of a document, or a template rendered over it; None for None."""
        return None if field is None else text_reader(field, doc, has_choices=False)(doc)


def _fault(error: BaseException, where: str) -> LMEvalError:
    """Return an exception of the code of a task as an error of this package."""
    if isinstance(error, LMEvalError):
        return error
    return TaskFileError(f"building {where} failed: {type(error).__name__}: {error}")


def _bypass(doc: Doc, results: object) -> dict[str, int]:
    return {"bypass": 999}


def _no_scores() -> dict[str, Aggregation]:
    return {"bypass": get_aggregation("bypass")}


def _no_direction() -> dict[str, bool | None]:
    return {"bypass": True}
