"""The interface of a model: ``LM``, and the base classes and cache that come with it."""

from __future__ import annotations

import contextlib
import inspect
import json
import operator
import sqlite3
import zlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from lm_eval.api.instance import Instance, RequestError
from lm_eval.api.token_counter import TokenCounter
from lm_eval.compatibility.elsewhere import elsewhere
from lm_eval.config.batch import BatchSettings
from lm_eval.config.generation import CONSTRAINED_TO
from lm_eval.config.shard import ALONE, Share
from lm_eval.errors import ConfigError
from lm_eval.text import sha256

if TYPE_CHECKING:
    from lm_eval.models.http.recorded import Recorded
    from lm_eval.models.http.shared import SharedRun

__all__ = ["LM", "NO_EARLIER_ANSWER", "Answered", "CacheHook", "CachingLM", "RunContext", "TemplateLM", "ask_model"]

if not TYPE_CHECKING:  # a type checker would accept every name

    def __getattr__(name: str) -> object:
        return elsewhere(__name__, name)


M = TypeVar("M", bound="LM")
T = TypeVar("T")

Answered = Callable[[Instance], None]
"""Receives an Instance once it has all its responses, or its error."""

NO_EARLIER_ANSWER = RequestError("earlier_turn", "Not asked, because an earlier turn has no answer.", attempts=0)


@dataclass(frozen=True, slots=True)
class RunContext:
    """Facts about a run that a model gets before any dataset is loaded.

    Attributes:
        request_types: The request types of the selected tasks.
        chat: Whether the chat template is used.
        use_cache: A file of responses that several runs share.
        journal: The file of responses of this run, from which an interrupted run resumes.
        fresh: Discard the content of the journal.
        progress: Show progress; None shows it only on a terminal.
        generation: The generation settings of each task that generates text.
        system_instruction: The system message of every prompt, if prompts are chat messages; None for no message.
        tasks: The names of the tasks.
        continues: Whether a task gives the start of the answer (``gen_prefix``), and prompts are chat messages.
        batch: How the run asks in batches; None sends every request by itself.
        shared: This process's end of a run by several processes; None for a run by one.
        recorded: Replies to the probe, which are used and added to; None asks anew.
        share: How many divide the limits and budgets of the endpoint; of judges in a run by several processes.
    """

    request_types: frozenset[str] = frozenset()
    chat: bool = False
    use_cache: Path | None = None
    journal: Path | None = None
    fresh: bool = False
    progress: bool | None = None
    generation: Sequence[Mapping[str, object]] = ()
    system_instruction: str | None = None
    tasks: Sequence[str] = ()
    continues: bool = False
    batch: BatchSettings | None = None
    shared: SharedRun | None = None
    recorded: Recorded | None = None
    share: Share = ALONE


class LM(ABC):
    """A model that answers Instances.

    Subclasses implement the three request methods. The methods that an evaluation calls besides them start with
    ``harness_``, so that a subclass can give its own methods any name. A model that can answer several request types at
    once overrides ``harness_respond``.

    Attributes:
        harness_keeps_answers: Whether the model stores responses on disk itself, as ``RunContext`` says; if not, the
            evaluator wraps it in a ``CachingLM`` for ``use_cache``.
        harness_takes_batches: Whether the model can ask in batches, as ``RunContext`` says.
    """

    harness_keeps_answers: bool = False
    harness_takes_batches: bool = False

    def __init__(self) -> None:
        """Attach no cache."""
        self.cache_hook = CacheHook(None)

    @abstractmethod
    def loglikelihood(self, requests: list[Instance]) -> list[tuple[float, bool]]:
        """Score continuations.

        Args:
            requests: Instances with ``args == (context, continuation)``.

        Returns:
            For each Instance, the log-likelihood of the continuation in nats, and whether greedy decoding gives it.
        """

    @abstractmethod
    def loglikelihood_rolling(self, requests: list[Instance]) -> list[float]:
        """Score complete texts, each token conditioned on those before it.

        Args:
            requests: Instances with ``args == (text,)``.

        Returns:
            For each Instance, the log-likelihood of the text in nats.
        """

    @abstractmethod
    def generate_until(self, requests: list[Instance]) -> list[str]:
        """Generate text.

        Args:
            requests: Instances with ``args == (prompt, generation_kwargs)``.

        Returns:
            For each Instance, the generated text, cut before the first stop sequence.
        """

    def harness_prepare(self, context: RunContext) -> None:
        """Prepare for a run, before any dataset is loaded.

        Args:
            context: Facts about the run.

        Raises:
            APIError: The endpoint cannot be used.
        """

    def harness_refuses(self, request_type: str) -> str | None:
        """Return why this model cannot answer a request type; called after ``prepare``.

        Args:
            request_type: ``loglikelihood``, ``loglikelihood_rolling`` or ``generate_until``; or ``constrained_to``, for
                texts that are generated under a constraint.

        Returns:
            The reason and what to do about it, in one line; None when the model can answer.
        """
        if request_type == CONSTRAINED_TO:
            return f"{type(self).__name__} cannot constrain its answers."
        return None

    def harness_scores_letters(self) -> str | None:
        """Say how a choice among single letters can be scored where log-likelihoods are refused; None if it cannot."""
        return None

    def harness_not_continued(self) -> str | None:
        """Say that answers do not continue the start that a task gives them (``gen_prefix``); called after ``prepare``.

        Returns:
            The sentence, for the notes of such tasks; None when answers continue it, or when that is not known.
        """
        return None

    def harness_follows(self) -> bool:
        """Whether ``harness_respond`` takes Instances that follow others, and asks them as soon as these are answered.

        If not, ``ask_model`` asks them when all others are answered. Default False.
        """
        return False

    def harness_respond(self, instances: Iterable[Instance], answered: Answered | None = None) -> None:
        """Answer Instances of any types: set ``resps`` or ``error`` of each.

        A class that overrides this method may leave ``answered`` out; ``ask_model`` then calls it afterwards.

        Args:
            instances: All Instances of a run. An iterator is lazy: it builds an Instance when it is asked for, which
                may be while earlier ones are being answered.
            answered: Called once for each Instance when it is complete, in the event loop that asks if there is one,
                so it has to return at once. An exception in it ends the run. None calls nothing.
        """
        by_type: dict[str, list[Instance]] = {}
        for instance in instances:
            by_type.setdefault(instance.request_type, []).append(instance)
        for request_type, group in by_type.items():
            requests = [instance for instance in group for _ in range(instance.repeats or 1)]
            for request, response in zip(requests, getattr(self, request_type)(requests), strict=True):
                request.resps.append(response)
            for instance in group if answered is not None else ():
                assert answered is not None
                answered(instance)

    def harness_describe(self) -> dict[str, Any]:
        """Return facts about the model and its endpoint for the results, without secrets."""
        return {}

    def harness_token_counter(self) -> TokenCounter | None:
        """Return what counts tokens as the model does; None when the model cannot count."""
        return None

    def close(self) -> None:
        """Close files and connections."""

    def apply_chat_template(self, chat_history: list[dict[str, Any]], add_generation_prompt: bool = True) -> object:
        """Turn messages into a prompt.

        Args:
            chat_history: Messages ``{"role", "content"}``.
            add_generation_prompt: Whether to open an assistant turn at the end.

        Returns:
            A prompt, as the request methods take it.

        Raises:
            ConfigError: This model has no chat template.
        """
        raise ConfigError(
            "This model has no chat template; use a chat model such as local-chat-completions, or drop "
            "--apply_chat_template."
        )

    def chat_template(self, chat_template: bool | str = False) -> str | None:
        """Return the chat template, or its name, for the results.

        Args:
            chat_template: The setting of the user: on, off, or the name of a template.

        Returns:
            The template, or None when there is none to show.
        """
        return None

    @property
    def tokenizer_name(self) -> str:
        """A name that distinguishes prompts of different chat templates."""
        return ""

    @classmethod
    def create_from_arg_string(cls: type[M], arg_string: str, additional_config: Mapping[str, Any] | None = None) -> M:
        """Build a model from ``"a=1,b=2"``.

        Args:
            arg_string: The arguments.
            additional_config: More arguments; None values are left out.

        Returns:
            The model.
        """
        from lm_eval.config.pairs import read_pairs

        return cls.create_from_arg_obj(read_pairs("arg_string", arg_string or ""), additional_config)

    @classmethod
    def create_from_arg_obj(
        cls: type[M], arg_dict: Mapping[str, Any], additional_config: Mapping[str, Any] | None = None
    ) -> M:
        """Build a model from a mapping of arguments.

        Args:
            arg_dict: The arguments; they win over ``additional_config``.
            additional_config: More arguments; None values are left out.

        Returns:
            The model.
        """
        more = {key: value for key, value in (additional_config or {}).items() if value is not None}
        return cls(**{**more, **arg_dict})

    @property
    def rank(self) -> int:
        """Always 0: one process drives the run."""
        return 0

    @property
    def world_size(self) -> int:
        """Always 1: one process drives the run."""
        return 1

    def all_gather(self, tensor: T) -> T:
        """Return what it is given: there is one process.

        Args:
            tensor: The values of this process.
        """
        return tensor

    def gather_object(self, obj: T, dst: int = 0) -> list[T] | None:
        """Return the objects of all processes: there is one.

        Args:
            obj: The object of this process.
            dst: Ignored.
        """
        return [obj]

    def barrier(self) -> None:
        """Wait for no one: there is one process."""

    @property
    def device(self) -> str:
        """Where the model runs: behind an API."""
        return "api"

    def set_cache_hook(self, cache_hook: CacheHook) -> None:
        """Attach the hook of a ``CachingLM``.

        Args:
            cache_hook: The hook.
        """
        self.cache_hook = cache_hook


class TemplateLM(LM, ABC):
    """A model that scores token ids.

    Attributes:
        backend: ``causal``; anything else tokenizes context and continuation apart, as for encoder-decoder models.
    """

    backend = "causal"

    @property
    @abstractmethod
    def eot_token_id(self) -> int | None:
        """The id of the end-of-text token."""

    @property
    def prefix_token_id(self) -> int | None:
        """The id of the token that replaces an empty context."""
        return self.eot_token_id

    @abstractmethod
    def tok_encode(self, string: str, add_special_tokens: bool | None = None, **kwargs: Any) -> list[int]:
        """Turn text into token ids.

        Args:
            string: The text.
            add_special_tokens: Whether the tokenizer adds its special tokens; None leaves it to the tokenizer.
            **kwargs: For the tokenizer.

        Returns:
            Token ids.
        """

    @abstractmethod
    def _loglikelihood_tokens(
        self, requests: list[tuple[tuple[str, str], list[int], list[int]]], **kwargs: Any
    ) -> list[tuple[float, bool]]:
        """Score ``((context, continuation), context ids, continuation ids)``."""

    def _encode_pair(self, context: str, continuation: str) -> tuple[list[int], list[int]]:
        """Tokenize a pair; white space at the seam, and a token across the seam, belong to the continuation."""
        stripped = context.rstrip()
        continuation = context[len(stripped) :] + continuation
        if self.backend != "causal":
            return self.tok_encode(stripped), self.tok_encode(continuation, add_special_tokens=False)
        ids = self.tok_encode(stripped + continuation)
        length = len(self.tok_encode(stripped))
        return ids[:length], ids[length:]

    def loglikelihood(self, requests: list[Instance], disable_tqdm: bool = False) -> list[tuple[float, bool]]:
        """Tokenize and score the pairs; the prefix token replaces an empty context.

        Args:
            requests: As for ``LM.loglikelihood``.
            disable_tqdm: Whether to show no progress; passed on to ``_loglikelihood_tokens`` if that takes it.

        Returns:
            As ``LM.loglikelihood``.
        """
        encoded = []
        for request in requests:
            context, continuation = request.args[:2]
            if context == "":
                prefix = self.prefix_token_id
                ids = self.tok_encode(continuation, add_special_tokens=False)
                pair = ([], ids) if prefix is None else ([prefix], ids[1:] if ids[:1] == [prefix] else ids)
            else:
                pair = self._encode_pair(context, continuation)
            encoded.append(((context, continuation), *pair))
        parameters = inspect.signature(self._loglikelihood_tokens).parameters.values()
        takes = any(item.name == "disable_tqdm" or item.kind is item.VAR_KEYWORD for item in parameters)
        return self._loglikelihood_tokens(encoded, **({"disable_tqdm": disable_tqdm} if takes else {}))


class CacheHook:
    """Stores single responses of a model, so that a cache need not wait for all responses."""

    def __init__(self, cachinglm: CachingLM | None) -> None:
        """Attach a cache.

        Args:
            cachinglm: The cache; None stores nothing.
        """
        self.store = cachinglm.store if cachinglm is not None else None

    def add_partial(self, attr: str, req: Iterable[object], res: object) -> None:
        """Store one response.

        Args:
            attr: The request method.
            req: The arguments of the request.
            res: The response.
        """
        if self.store is not None:
            self.store[hash_args(attr, req)] = res


def hash_args(attr: str, args: Iterable[object]) -> str:
    """Return the key under which ``CacheHook`` stores a response.

    Args:
        attr: The request method.
        args: The arguments of the request.
    """
    return sha256(json.dumps([attr, *args], default=str))


class CachingLM:
    """A model with its responses stored in a file, by request method and arguments.

    It is for models that store nothing themselves. Each repeat of a request has a separate entry.
    """

    def __init__(self, lm: LM, cache_db: str) -> None:
        """Wrap a model.

        Args:
            lm: The model.
            cache_db: An SQLite file; created when it does not exist.

        Raises:
            ConfigError: The file is damaged, or something else.
        """
        from sqlitedict import SqliteDict

        self.lm, self.cache_db = lm, cache_db
        Path(cache_db).expanduser().parent.mkdir(parents=True, exist_ok=True)
        _check_database(Path(cache_db))
        self.store: MutableMapping[str, object] = SqliteDict(
            cache_db, autocommit=True, encode=_with_checksum, decode=_checked
        )
        lm.set_cache_hook(self.get_cache_hook())

    def __getattr__(self, attr: str) -> Any:
        return getattr(self.lm, attr)

    def get_cache_hook(self) -> CacheHook:
        """Return the hook to attach to the model."""
        return CacheHook(self)

    def harness_follows(self) -> bool:
        """Return False: which Instances are in the file is known only when their prompts are complete."""
        return False

    def harness_respond(self, instances: Iterable[Instance], answered: Answered | None = None) -> None:
        """Answer Instances from the file where possible, and ask the model for the others.

        Args:
            instances: All Instances of a run, or an iterator over them.
            answered: As for ``LM.harness_respond``.
        """
        model = f"{type(self.lm).__name__}:{self.lm.tokenizer_name}:{self.lm.harness_describe()}"
        asked: dict[int, list[str]] = {}

        def unknown() -> Iterator[Instance]:
            for instance in instances:
                keys = [
                    hash_args(f"{model}:{instance.request_type}:{repeat}", instance.args)
                    for repeat in range(instance.repeats or 1)
                ]
                try:
                    instance.resps.extend([_from_json(self.store[key]) for key in keys])
                except (KeyError, ValueError):  # not there, or damaged
                    asked[id(instance)] = keys
                    yield instance
                else:
                    if answered is not None:
                        answered(instance)

        def store(instance: Instance) -> None:
            keys = asked.pop(id(instance))
            if instance.error is None:
                for key, response in zip(keys, instance.resps, strict=True):
                    self.store[key] = response
            if answered is not None:
                answered(instance)

        left = unknown()
        ask_model(self.lm, list(left) if isinstance(instances, Sequence) else left, store)


def ask_model(lm: LM | CachingLM, instances: Iterable[Instance], answered: Answered | None = None) -> None:
    """Let a model answer Instances, whether or not its class tells when an Instance is complete.

    An Instance that follows others, such as the second turn of a chat, is asked as soon as these are answered; of a
    model that cannot do that (``LM.harness_follows``), when all that can be asked at once are answered. If one of the
    others was lost, it is lost, too.

    Args:
        lm: The model.
        instances: All Instances of a run, or an iterator over them. A class whose ``harness_respond`` does not take
            ``answered`` gets a list.
        answered: As for ``LM.harness_respond``; for such a class, it is called after all answers.

    Raises:
        ConfigError: An Instance that follows others has repeats, and the model cannot ask each after its own.
    """
    if lm.harness_follows():
        _ask_at_once(lm, instances, answered)
        return
    later: list[Instance] = []
    at_once = _AtOnce(instances, later)
    _ask_at_once(lm, list(at_once) if isinstance(instances, Sequence) else at_once, answered)
    while later:
        waiting, later = later, []
        ready: list[Instance] = []
        for instance in waiting:
            assert instance.follows is not None
            earlier = instance.follows.earlier
            if any(each.follows is not None for each in earlier):
                later.append(instance)
            elif any(each.error is not None or not each.resps for each in earlier):
                instance.follows, instance.error = None, NO_EARLIER_ANSWER
                if answered is not None:
                    answered(instance)
            else:
                instance.arguments = (instance.follows.prompt(), *instance.args[1:])
                ready.append(instance)
        for instance in ready:
            instance.follows = None
        if ready:
            _ask_at_once(lm, ready, answered)


class _AtOnce:
    """The Instances that can be asked at once; the others are put into a list."""

    def __init__(self, instances: Iterable[Instance], later: list[Instance]) -> None:
        self._instances, self._later = instances, later

    def __iter__(self) -> Iterator[Instance]:
        for instance in self._instances:
            if instance.follows is None:
                yield instance
                continue
            if (instance.repeats or 1) > 1:
                raise ConfigError(
                    f"Task {instance.task_name}: repeats of a conversation with several turns need a chat endpoint "
                    "(such as --model local-chat-completions), asked without --batch."
                )
            self._later.append(instance)

    def __length_hint__(self) -> int:
        return operator.length_hint(self._instances)


def _ask_at_once(lm: LM | CachingLM, instances: Iterable[Instance], answered: Answered | None) -> None:
    """Let a model answer Instances whose prompts are complete."""
    parameters = inspect.signature(lm.harness_respond).parameters
    if "answered" in parameters or any(item.kind is item.VAR_KEYWORD for item in parameters.values()):
        lm.harness_respond(instances, answered=answered)
        return
    listed = list(instances)
    lm.harness_respond(listed)
    for instance in listed if answered is not None else ():
        assert answered is not None
        answered(instance)


def _check_database(path: Path) -> None:
    """Refuse a damaged file, on which SQLite would fail in the middle of a run."""
    if not path.is_file() or path.stat().st_size == 0:
        return
    try:
        with contextlib.closing(sqlite3.connect(path)) as connection:
            sound = connection.execute("PRAGMA integrity_check(1)").fetchone() == ("ok",)
            if sound and connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'unnamed'").fetchone():
                # sqlitedict waits for ever after a text that is not UTF-8.
                connection.execute("DELETE FROM unnamed WHERE typeof(value) <> 'blob'")
                connection.commit()
    except sqlite3.OperationalError:  # locked by another process
        return
    except sqlite3.DatabaseError:
        sound = False
    if not sound:
        raise ConfigError(f"{path} is damaged, or no file of answers; use another file, or delete it.")


def _with_checksum(value: object) -> bytes:
    text = json.dumps(value).encode()
    return b"%08x %s" % (zlib.crc32(text), text)


def _checked(stored: bytes) -> object:
    checksum, _, text = stored.partition(b" ")
    if checksum != b"%08x" % zlib.crc32(text):
        raise ValueError("A damaged answer.")
    return json.loads(text)


def _from_json(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value
