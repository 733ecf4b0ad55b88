"""Describes a task, group or tag before it is run, as text."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lm_eval.api.formatted_task import FormattedTask
from lm_eval.config.formats import split_format
from lm_eval.config.generation import take_stops
from lm_eval.errors import ConfigError, UserError
from lm_eval.task_files.entry import Entry, Kind
from lm_eval.task_files.faults import prompt_faults, task_faults
from lm_eval.task_files.index import entries_named
from lm_eval.task_files.listing import source_of
from lm_eval.task_files.merge import keys_of
from lm_eval.task_files.parse import FunctionRef
from lm_eval.task_files.resolve import ResolvedGroup, ResolvedTask, select
from lm_eval.task_files.roots import BUILTIN
from lm_eval.task_files.text import config_text

if TYPE_CHECKING:
    from lm_eval.api.task import Task
    from lm_eval.task_files.manager import TaskManager

__all__ = ["task_page"]

_INDENT = "  "
_COMPARED = 10
"""The number of documents whose prompts are compared."""


def task_page(
    manager: TaskManager,
    name: str,
    *,
    prompt: bool = True,
    doc: int = 0,
    num_fewshot: int | None = None,
    apply_chat_template: bool = False,
    task_file: bool = False,
) -> str:
    """Describe a task, group or tag.

    Args:
        manager: Knows the names.
        name: The name, or the path of a task file.
        prompt: Whether to load the data of a task and show the prompt of a document.
        doc: The index of the document in its split.
        num_fewshot: The number of shots; None takes the task's own.
        apply_chat_template: Show the messages that a chat model gets.
        task_file: Write functions so that the page, saved in any folder, is a task file.

    Returns:
        Comments and the config, which together are YAML; then the prompt, or the members.

    Raises:
        UnknownNameError: There is no such name.
        TaskFileError: A file has an error.
        ConfigError: There is no such document.
    """
    base, wanted = (name, None) if name in manager.task_index else split_format(name)
    if name not in manager.task_index and len(inside := entries_named(name)) > 1:
        return _several(name, inside)
    entry = _find_entry(manager, base)
    if wanted is not None and entry.kind in (Kind.GROUP, Kind.TAG):
        return _in_format(manager, name)
    if entry.kind is Kind.TAG:
        title = f"# {entry.name}: tag of {_count(len(entry.tags))}"
        return "\n".join([title, *_tree(manager, entry, 0, ())])
    twice = [f"# warning: {repeated}" for repeated in keys_of(entry).repeated]
    head = [*_origin(manager, entry), *_memberships(manager, entry), *twice]
    config = _yaml(entry, task_file=task_file)
    if entry.kind is Kind.GROUP:
        members = list(_tree(manager, entry, 0, ()))
        title = f"# {entry.name}: group of {_count(sum(not line.endswith(')') for line in members))}"
        return "\n".join([title, *head, "", config, "# members", *(f"# {line}" for line in members)])
    task, reason = _load(manager, entry if wanted is None else name)
    title = f"# {entry.name if wanted is None else name}: task"
    if isinstance(task, FormattedTask):
        config = f"{config}formats: {json.dumps(task.format.to_dict(), ensure_ascii=False)}\n" if wanted else config
    if task is None:
        return "\n".join([title, *head, f"# cannot be built: {reason}", "", config])
    title += f", {task.OUTPUT_TYPE}" if task.OUTPUT_TYPE else ""
    page = [title, *head, *_scoring(task), *(f"# warning: {fault}" for fault in task_faults(task)), "", config]
    if prompt:
        page += _prompt(task, doc, num_fewshot, apply_chat_template)
    return "\n".join(page)


def _find_entry(manager: TaskManager, name: str) -> Entry:
    """Find a name, or what the path of a task file stands for."""
    if name in manager.task_index:
        return manager.task_index[name]
    for entry in entries_named(name):
        return entry
    raise manager.unknown(name)


def _several(path: str, entries: Sequence[Entry]) -> str:
    """List what a folder, or a file with several names, defines."""
    kinds = {Kind.GROUP: " (group)", Kind.TAG: " (tag)"}
    lines = [f"# - {entry.name}{kinds.get(entry.kind, '')}: {entry.source}" for entry in entries]
    return "\n".join([f"# {path}: {len(entries)} tasks and groups; show one of them by its name or path", *lines])


def _in_format(manager: TaskManager, name: str) -> str:
    """List the members of a group or tag, each under the name by which it is asked."""

    def lines(nodes: Iterable[object], depth: int) -> Iterator[str]:
        for node in nodes:
            if isinstance(node, ResolvedTask):
                yield f"# {_INDENT * depth}- {node.name}"
            elif isinstance(node, ResolvedGroup):
                yield f"# {_INDENT * depth}- {node.name} (group)"
                yield from lines(node.members.values(), depth + 1)

    nodes = select([name], manager.task_index, manager.unknown)
    top = nodes[0].members.values() if len(nodes) == 1 and isinstance(nodes[0], ResolvedGroup) else nodes
    members = list(lines(top, 0))
    plain = sum("@" not in line and not line.endswith(")") for line in members)
    title = f"# {name}: {_count(sum(not line.endswith(')') for line in members))}"
    note = f"; {plain} cannot be asked in this format and stay as they are" if plain else ""
    return "\n".join([title + note, *members])


def _count(tasks: int) -> str:
    return f"{tasks} task{'' if tasks == 1 else 's'}"


def _load(manager: TaskManager, entry: Entry | str) -> tuple[Task | None, str]:
    try:
        return next(iter(manager.load(entry)["tasks"].values())), ""
    except UserError as error:
        return None, str(error)


def _origin(manager: TaskManager, entry: Entry) -> Iterator[str]:
    """Name the files of a config, and the README of its family."""
    if entry.yaml_path is None:
        return
    yield f"# file: {entry.file}:{entry.line}" if entry.line else f"# file: {entry.file}"
    for path in dict.fromkeys(origin.path for origin in keys_of(entry).origins.values()):
        if path != entry.file:
            yield f"# includes: {source_of(manager, path)}"
    # Next to the file, or up to two folders above it, but not outside the family.
    for folder in list(entry.yaml_path.parents)[:3]:
        if folder.name in ("tasks", ""):
            return
        if (folder / "README.md").is_file():
            yield f"# about: {folder / 'README.md'}"
            return


def _memberships(manager: TaskManager, entry: Entry) -> Iterator[str]:
    if entry.tags:
        yield f"# tags: {', '.join(sorted(entry.tags))}"
    names = {entry.name, *entry.tags}
    groups = []
    texts: dict[str, str] = {}
    for other in manager.task_index.values():
        if other.kind is not Kind.GROUP or other is entry or other.yaml_path is None:
            continue
        # Searching the text first avoids parsing the files of all other groups; a table makes names that are not in it.
        path = str(other.file)
        if path not in texts:
            texts[path] = _text(other.yaml_path)
        text = texts[path]
        if ("${" in text or any(name in text for name in names)) and names.intersection(other.member_names()):
            groups.append(other.name)
    if groups:
        yield f"# groups: {', '.join(sorted(groups))}"


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""


def _scoring(task: Task) -> Iterator[str]:
    """Describe how a task is scored, including the defaults that its file leaves out."""
    config = task.config
    better = task.higher_is_better()
    for name, aggregation in task.aggregation().items():
        function = getattr(aggregation, "func", aggregation)
        known = better.get(name)
        direction = "" if known is None else ", higher is better" if known else ", lower is better"
        yield f"# metric {name}: {getattr(function, '__name__', type(function).__name__)}{direction}"
    for pipeline in [] if config.filter_list is None else config.filter_list:
        steps = ", ".join(str(step.get("function")) for step in pipeline.get("filter", ()))
        yield f"# filter {pipeline.get('name')}: {steps}"
    shots = config.num_fewshot
    yield f"# shots: {'0 unless the run says otherwise' if shots is None else '0, fixed' if shots == 0 else shots}"
    if task.OUTPUT_TYPE == "generate_until" and config.generation_kwargs is not None:
        yield f"# generation: {', '.join(f'{key}={value!r}' for key, value in config.generation_kwargs.items())}"
        if config.repeats > 1:
            yield f"# repeats: {config.repeats}"


def _yaml(entry: Entry, *, task_file: bool) -> str:
    """Write a config as YAML with includes merged; functions as ``module:name``, or with the tag of task files."""
    shown = {key: value for key, value in keys_of(entry).data.items() if key not in ("include", "task_list")}
    if task_file:
        return config_text(shown, _dotted)
    return config_text(shown, _in_module, tag="tag:yaml.org,2002:str")


def _in_module(ref: FunctionRef) -> str:
    module, _, name = ref.name.rpartition(".")
    return f"{module}:{name}"


def _dotted(ref: FunctionRef) -> str:
    """Return the name under which any folder finds a function of the library; other names stay as they are."""
    module = ref.name.rpartition(".")[0].replace(".", "/")
    folder = Path(ref.path).resolve().parent
    if not (folder / f"{module}.py").is_file() or not folder.is_relative_to(BUILTIN):
        return ref.name
    return ".".join(("lm_eval", "tasks", *folder.relative_to(BUILTIN).parts, ref.name))


def _tree(manager: TaskManager, entry: Entry, depth: int, above: Sequence[str]) -> Iterator[str]:
    """Yield the members of a group or tag, one line per member, with the members of inner groups and tags."""
    index = manager.task_index
    names = sorted(entry.tags) if entry.kind is Kind.TAG else dict.fromkeys(entry.member_names())
    for name in names:
        known = index.get(name)
        kind = {Kind.GROUP: " (group)", Kind.TAG: " (tag)"}.get(known.kind, "") if known is not None else ""
        yield f"{_INDENT * depth}- {name}{kind}"
        if known is not None and kind and name not in above and known is not entry:
            yield from _tree(manager, known, depth + 1, (*above, entry.name))


def _prompt(task: Task, doc: int, num_fewshot: int | None, chat: bool) -> Iterator[str]:
    """Show the prompt of a document, or why there is none."""
    from lm_eval.api.samplers import DEFAULT_SEED
    from lm_eval.models.messages import ChatPrompt

    if num_fewshot is not None and task.config.num_fewshot != 0:
        task.set_config("num_fewshot", num_fewshot)

    def template(messages: list[dict[str, str]], add_generation_prompt: bool = True) -> ChatPrompt:
        return ChatPrompt(messages)

    try:
        count = len(task.eval_docs)
        if doc >= count:
            raise ConfigError(f"Task {task.task_name} has docs 0 to {count - 1}; there is no doc {doc}.")
        # All earlier documents are built too: in a run, each document draws its shots after the one before.
        task.set_fewshot_seed(DEFAULT_SEED)
        task.build_all_requests(
            limit=doc + 1,
            apply_chat_template=chat,
            fewshot_as_multiturn=chat,
            chat_template=template if chat else None,
        )
        instances = [instance for instance in task.instances if instance.doc_id == doc]
        target = task.doc_to_target(instances[0].doc)
    except ConfigError:
        raise
    except UserError as error:
        yield f"# no prompt: {error}"
        return
    yield from (f"# warning: {fault}" for fault in _prompt_faults(task))
    first = instances[0]
    yield f"--- prompt of doc {doc} of {count}, {task.config.num_fewshot or 0} shots ---"
    if isinstance(first.args[0], str):
        yield first.args[0]
    else:
        for message in first.args[0]:
            yield f"[{message.get('role')}]"
            yield str(message.get("content"))
    if first.request_type == "loglikelihood":
        yield "--- scored after it ---"
        yield from (repr(instance.args[1]) for instance in instances)
    elif first.request_type == "generate_until":
        yield f"--- stops: {take_stops(dict(first.args[1]))!r} ---"
        if tools := first.args[1].get("tools"):
            yield f"--- tools: {', '.join(str(tool['function']['name']) for tool in tools)} ---"
    yield "--- target ---"
    yield str(target)


def _prompt_faults(task: Task) -> list[str]:
    """Compare the prompts of the first documents, where a document has nothing else that could differ."""
    config = task.config
    if (
        config.output_type == "loglikelihood_rolling"
        or config.doc_to_image is not None
        or config.doc_to_audio is not None
        or config.doc_to_video is not None
    ):
        return []
    try:
        prompts = [str(task.doc_to_text(doc)) for doc, _ in zip(task.eval_docs, range(_COMPARED), strict=False)]
    except UserError:
        return []
    # Without a question, the documents differ in their choices.
    return prompt_faults(prompts) if any(prompts) else []
