"""Tasks of the Unitxt catalogue: the package unitxt writes the prompts and computes the scores."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import unitxt

from lm_eval.api.instance import Instance
from lm_eval.api.task import ConfigurableTask
from lm_eval.errors import ConfigError, MissingPackageError

if TYPE_CHECKING:
    from datasets import Dataset, DatasetDict

__all__ = ["Unitxt", "UnitxtMultiModal", "extract_images", "score"]

_OLDEST = (1, 17, 2)
_IMAGE = re.compile(r"""<img\s+src=["'](.*?)["']\s*/?>""")
_OPTIONS = {"until": ["\n"]}
_SETTINGS_OF_THE_RUN = ("apply_chat_template", "chat_template")

if tuple(int(part) for part in unitxt.__version__.split(".")[:3]) < _OLDEST:
    raise MissingPackageError(f"unitxt {unitxt.__version__} is too old: pip install --upgrade unitxt")


def score(items: Sequence[tuple[str, dict[str, Any]]], metric: str) -> float:
    """Compute a metric of Unitxt over all documents.

    Args:
        items: The response and the row of each document.
        metric: The metric's name in the catalogue.
    """
    references = [{**doc, "metrics": [metric]} for _, doc in items]
    results = unitxt.evaluate([response for response, _ in items], references)
    value: float = results[0]["score"]["global"]["score"]
    return value


class Unitxt(ConfigurableTask):
    """A task whose ``recipe`` names a dataset and a template of the catalogue."""

    VERSION = 0

    def __init__(self, config: Mapping[str, Any] | None = None) -> None:
        """Load the rows of the recipe.

        Args:
            config: ``recipe``; ``task`` and ``dataset_kwargs`` if wanted.

        Raises:
            ConfigError: There is no recipe.
        """
        given = dict(config or {})
        if "recipe" not in given:
            raise ConfigError("A task of Unitxt needs a 'recipe', such as card=cards.wnli,template=...")
        super().__init__(
            config={
                "metadata": {"version": self.VERSION},
                "dataset_name": given["recipe"],
                "dataset_kwargs": given.get("dataset_kwargs", {}),
                "task": given.get("task"),
            }
        )

    @property
    def metrics(self) -> list[str]:
        """The names of the metrics, which stand in the rows."""
        names: list[str] = self._rows["test"][0]["metrics"]
        return names

    @property
    def _rows(self) -> DatasetDict:
        rows: DatasetDict = self.dataset
        return rows

    def download(  # type: ignore[override]
        self, dataset_kwargs: Mapping[str, Any] | None = None, *args: object, **kwargs: Any
    ) -> None:
        """Let Unitxt make the rows.

        Args:
            dataset_kwargs: Options of ``unitxt.load_dataset``.
            *args: Not needed.
            **kwargs: Not needed.
        """
        self.dataset = unitxt.load_dataset(self.DATASET_NAME, use_cache=True, **(dataset_kwargs or {}))

    def has_training_docs(self) -> bool:
        """Return whether the recipe has rows for training."""
        return "train" in self._rows

    def has_validation_docs(self) -> bool:
        """Return whether the recipe has rows for validation."""
        return "validation" in self._rows

    def has_test_docs(self) -> bool:
        """Return whether the recipe has rows for testing."""
        return "test" in self._rows

    def training_docs(self) -> Dataset:
        """Return the rows for training."""
        return self._rows["train"]

    def validation_docs(self) -> Dataset:
        """Return the rows for validation."""
        return self._rows["validation"]

    def test_docs(self) -> Dataset:
        """Return the rows for testing."""
        return self._rows["test"]

    def doc_to_text(self, doc: Any, doc_to_text: Any = None) -> Any:
        """Return the prompt that Unitxt wrote: a text, or the messages of a chat."""
        return doc["source"]

    def doc_to_target(self, doc: Any, doc_to_target: Any = None) -> Any:
        """Return the target that Unitxt wrote."""
        return doc["target"]

    def should_decontaminate(self) -> bool:
        """Return False."""
        return False

    def get_arguments(self, doc: Any, ctx: Any) -> tuple[Any, ...]:
        """Return the arguments of the request.

        Args:
            doc: The row.
            ctx: The prompt.
        """
        return (ctx, dict(_OPTIONS))

    def fewshot_context(self, doc: Any, *args: Any, **kwargs: Any) -> Any:
        """Return the prompt with its examples.

        Args:
            doc: The row.
            *args: As of ``ConfigurableTask.fewshot_context``.
            **kwargs: The same.

        Raises:
            ConfigError: The prompt is a chat, and the run does not use a chat template.
        """
        messages = self.doc_to_text(doc)
        if not isinstance(messages, list):
            return super().fewshot_context(doc, *args, **kwargs)
        if not kwargs.get("apply_chat_template"):
            raise ConfigError("This recipe of Unitxt writes chats: add --apply_chat_template.")
        return kwargs["chat_template"](messages)

    def construct_requests(self, doc: Any, ctx: Any, **kwargs: Any) -> list[Instance]:
        """Create the request of a document.

        Args:
            doc: The row.
            ctx: The prompt.
            **kwargs: Fields of the Instance.
        """
        fields = {key: value for key, value in kwargs.items() if key not in _SETTINGS_OF_THE_RUN}
        arguments = self.get_arguments(doc, ctx)
        return [Instance(request_type="generate_until", doc=doc, arguments=arguments, idx=0, **fields)]

    def process_results(self, doc: Any, results: Sequence[Any]) -> dict[str, Any]:
        """Return the response and the row, under the name of each metric.

        Args:
            doc: The row.
            results: The response.
        """
        return dict.fromkeys(map(_short, self.metrics), (results[0], doc))

    def aggregation(self) -> dict[str, Callable[[Sequence[Any]], float]]:
        """Return the function of each metric."""
        return {_short(metric): partial(score, metric=metric) for metric in self.metrics}

    def higher_is_better(self) -> dict[str, bool]:
        """All metrics are better when higher."""
        return dict.fromkeys(map(_short, self.metrics), True)


class UnitxtMultiModal(Unitxt):
    """A task of Unitxt with images."""

    MULTIMODAL = True

    def doc_to_text(self, doc: Any, doc_to_text: Any = None) -> Any:
        """Return the prompt with ``<image>`` in the places of the images."""
        return _IMAGE.sub("<image>", doc["source"])

    def doc_to_image(self, doc: Any, doc_to_image: Any = None) -> list[Any]:
        """Return the images of a row, in the order of the prompt."""
        from datasets import Image

        return [Image().decode_example(image) for image in extract_images(doc["source"], doc)]

    def get_arguments(self, doc: Any, ctx: Any) -> tuple[Any, ...]:
        """Return the arguments of the request, with the images.

        Args:
            doc: The row.
            ctx: The prompt.
        """
        return (ctx, dict(_OPTIONS), {"visual": self.doc_to_image(doc)})


def extract_images(text: str, instance: Any) -> list[Any]:
    """Return what the image tags of a text point to.

    Args:
        text: A text with tags such as ``<img src="media/images/0">``.
        instance: A row; the parts of a source are keys and indices in it.
    """
    found = []
    for source in _IMAGE.findall(text):
        value = instance
        for key in source.split("/"):
            value = value[int(key) if key.isdigit() else key]
        found.append(value)
    return found


def _short(metric: str) -> str:
    return metric.replace("metrics.", "")
