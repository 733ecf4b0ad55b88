"""The shots of a task's prompts: drawn by the sampler, written once where that is possible."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lm_eval.api._dataset import Rows
from lm_eval.api._prompt import Message
from lm_eval.api.samplers import DEFAULT_SEED, ContextSampler, FirstNSampler, get_sampler

if TYPE_CHECKING:
    from lm_eval.api.task import ConfigurableTask

__all__ = ["Shots"]


class Shots:
    """Draws and writes the shots of one task."""

    def __init__(self, task: ConfigurableTask) -> None:
        """Look nothing up yet; the pool is read when the first shot is drawn.

        Args:
            task: The task.
        """
        self._task = task
        self._config = task.fewshot_cfg
        self._seed: int | None = DEFAULT_SEED
        self._sampler: ContextSampler | None = None
        self._kind = get_sampler(self._config.sampler)
        self._ours = self._kind in (ContextSampler, FirstNSampler)
        self._written: dict[int, tuple[Any, list[Message]]] = {}
        self.fixed: dict[int, list[Message]] = {}
        # Where few-shot pool and evaluated split are the same, a doc must not be its own shot. Two absent names
        # count as the same: that is how the pool then falls back.
        self._may_meet_itself = self._config.split == task.config.test_split

    @property
    def sampler(self) -> ContextSampler:
        """The sampler, over the task's few-shot docs."""
        if self._sampler is None:
            docs = self._task.fewshot_docs()
            pool = docs if isinstance(docs, list) else Rows(docs) if self._ours else list(docs)
            self._sampler = self._kind(pool, rnd=self._seed, fewshot_indices=self._config.fewshot_indices)
        return self._sampler

    def seed(self, seed: int | None) -> None:
        """Start drawing from a seed.

        Args:
            seed: The seed.
        """
        self._seed = seed
        if self._sampler is not None:
            self._sampler.set_rnd(seed)

    def same_for_every_doc(self) -> bool:
        """Tell whether every doc gets the same shots."""
        return self._kind is FirstNSampler and not self._may_meet_itself

    def turns(self, doc: Any, count: int) -> list[Message]:
        """Write the shots of a doc's prompt.

        Args:
            doc: The doc.
            count: How many shots.

        Returns:
            A user turn and an assistant turn a shot.
        """
        if count in self.fixed:
            return self.fixed[count]
        shots = self.sampler.sample(count, eval_doc=doc if self._may_meet_itself else None)
        turns: list[Message] = []
        for shot in shots:
            turns += self._write(shot)
        if self.same_for_every_doc() and self._writes_alike():
            self.fixed[count] = turns
        return turns

    def _write(self, shot: Any) -> list[Message]:
        if not (self._ours and self._writes_alike()):
            return self._task.shot_turns(shot)
        known = self._written.get(id(shot))
        # The shot is kept beside its turns, so that its id stays its own.
        if known is None:
            known = self._written[id(shot)] = (shot, self._task.shot_turns(shot))
        return known[1]

    def _writes_alike(self) -> bool:
        """Tell whether writing a shot again gives the same: no function of the task's takes part."""
        return self._task.pure_fields
