"""All there is to know about a task, group or tag before it is run, as text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lm_eval.errors import ConfigError, UserError
from lm_eval.task_files.entry import Entry, Kind
from lm_eval.task_files.index import TaskIndex
from lm_eval.task_files.listing import source_of
from lm_eval.task_files.loader import load_file
from lm_eval.task_files.parse import FunctionRef
from lm_eval.task_files.validate import named_in

if TYPE_CHECKING:
    from lm_eval.api.task import Task
    from lm_eval.task_files.manager import TaskManager

__all__ = ["find_entry", "task_page"]

_INDENT = "  "
_FEWSHOT_SEED = 1234


def find_entry(manager: TaskManager, name: str) -> Entry:
    """Find a task, group or tag.

    Args:
        manager: Knows the names.
        name: Its name, or the path of its file.

    Returns:
        Its entry.

    Raises:
        UnknownNameError: There is none, with the nearest names.
        TaskFileError: The file has a fault.
    """
    entry = manager.task_index.get(name)
    if entry is None and name.endswith((".yaml", ".yml")) and Path(name).is_file():
        entry = TaskIndex.entry_from_path(Path(name).absolute())
    if entry is None:
        raise manager.unknown(name)
    return entry


def task_page(
    manager: TaskManager,
    name: str,
    *,
    prompt: bool = True,
    doc: int = 0,
    num_fewshot: int | None = None,
    apply_chat_template: bool = False,
) -> str:
    """Describe a task, group or tag.

    Args:
        manager: Knows the names.
        name: Its name, or the path of its file.
        prompt: Whether to load the data of a task and show the prompt of a doc.
        doc: The doc's index in its split.
        num_fewshot: Shots, in place of the task's own number.
        apply_chat_template: Show the messages a chat model gets.

    Returns:
        Comments and the config, which together are YAML; then the prompt, or the members.

    Raises:
        UnknownNameError: There is no such name.
        TaskFileError: A file has a fault.
        ConfigError: There is no such doc.
    """
    entry = find_entry(manager, name)
    if entry.kind is Kind.TAG:
        title = f"# {entry.name}: tag of {_count(len(entry.tags))}"
        return "\n".join([title, *_tree(manager, entry, 0, ())])
    head = [*_origin(manager, entry), *_memberships(manager, entry)]
    config = _yaml(entry)
    if entry.kind is Kind.GROUP:
        members = list(_tree(manager, entry, 0, ()))
        title = f"# {entry.name}: group of {_count(sum(not line.endswith(')') for line in members))}"
        return "\n".join([title, *head, "", config, "# members", *(f"# {line}" for line in members)])
    task, reason = _built(manager, entry)
    title = f"# {entry.name}: task"
    if task is None:
        return "\n".join([title, *head, f"# cannot be built: {reason}", "", config])
    title += f", {task.OUTPUT_TYPE}" if task.OUTPUT_TYPE else ""
    page = [title, *head, *_scoring(task), "", config]
    if prompt:
        page += _prompt(task, doc, num_fewshot, apply_chat_template)
    return "\n".join(page)


def _count(tasks: int) -> str:
    return f"{tasks} task{'' if tasks == 1 else 's'}"


def _built(manager: TaskManager, entry: Entry) -> tuple[Task | None, str]:
    wanted = entry.name if manager.task_index.get(entry.name) is entry else str(entry.yaml_path)
    try:
        return next(iter(manager.load(wanted)["tasks"].values())), ""
    except UserError as error:
        return None, str(error)


def _origin(manager: TaskManager, entry: Entry) -> Iterator[str]:
    """Say which files a config is made of, and where its family is described."""
    if entry.yaml_path is None:
        return
    own = str(entry.yaml_path)
    yield f"# file: {own}"
    for path in dict.fromkeys(origin.path for origin in load_file(own).origins.values() if origin.path != own):
        yield f"# includes: {source_of(manager, path)}"
    readme = next((place for place in _above(entry.yaml_path) if place.is_file()), None)
    if readme is not None:
        yield f"# about: {readme}"


def _above(path: Path) -> Iterator[Path]:
    """Go through the places of a family's page: beside a file and up to two folders above."""
    for folder in list(path.parents)[:3]:
        if folder.name in ("tasks", ""):
            return
        yield folder / "README.md"


def _memberships(manager: TaskManager, entry: Entry) -> Iterator[str]:
    if entry.tags:
        yield f"# tags: {', '.join(sorted(entry.tags))}"
    names = {entry.name, *entry.tags}
    groups = []
    for other in manager.task_index.values():
        if other.kind is not Kind.GROUP or other is entry or other.yaml_path is None:
            continue
        try:
            # A look at the text spares parsing the files of all other groups.
            text = other.yaml_path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            continue
        if any(name in text for name in names) and names & set(named_in(other)):
            groups.append(other.name)
    if groups:
        yield f"# groups: {', '.join(sorted(groups))}"


def _scoring(task: Task) -> Iterator[str]:
    """Say how a task is scored, with what its file leaves to defaults."""
    config = task.config
    better = dict(task.higher_is_better())
    words: dict[Any, str] = {True: "higher is better", False: "lower is better"}
    for name, aggregation in task.aggregation().items():
        made = getattr(aggregation, "func", aggregation)
        direction = f", {words[better[name]]}" if better.get(name) in words else ""
        yield f"# metric {name}: {getattr(made, '__name__', type(made).__name__)}{direction}"
    for pipeline in config.filter_list or ():
        steps = ", ".join(str(step.get("function")) for step in pipeline.get("filter") or ())
        yield f"# filter {pipeline.get('name')}: {steps}"
    shots = config.num_fewshot
    yield f"# shots: {'0 unless the run says otherwise' if shots is None else '0, fixed' if shots == 0 else shots}"
    if task.OUTPUT_TYPE == "generate_until":
        settings = dict(config.generation_kwargs or {})
        yield f"# generation: {', '.join(f'{key}={value!r}' for key, value in settings.items())}"
        if config.repeats > 1:
            yield f"# repeats: {config.repeats}"


def _yaml(entry: Entry) -> str:
    """Write a config with its includes merged; functions as ``module:name``."""
    import yaml

    class Dumper(yaml.SafeDumper):
        pass

    def text(dumper: Any, value: str) -> Any:
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value.strip("\n") else None)

    Dumper.add_representer(str, text)
    data = load_file(entry.yaml_path).data if entry.yaml_path is not None else entry.cfg or {}
    shown = {key: _named(value) for key, value in data.items() if key != "include"}
    return str(yaml.dump(shown, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=100)).rstrip("\n") + "\n"


def _named(value: Any) -> Any:
    if isinstance(value, FunctionRef):
        module, _, function = value.name.rpartition(".")
        return f"{module}:{function}"
    if isinstance(value, Mapping):
        return {key: _named(item) for key, item in value.items()}
    return [_named(item) for item in value] if isinstance(value, list) else value


def _tree(manager: TaskManager, entry: Entry, depth: int, above: Sequence[str]) -> Iterator[str]:
    """Go through the members of a group or a tag, and theirs."""
    index = manager.task_index
    names = sorted(entry.tags) if entry.kind is Kind.TAG else list(dict.fromkeys(named_in(entry)))[::-1]
    for name in names:
        known = index.get(name)
        kind = {Kind.GROUP: " (group)", Kind.TAG: " (tag)"}.get(known.kind, "") if known is not None else ""
        yield f"{_INDENT * depth}- {name}{kind}"
        if known is not None and kind and name not in above and known is not entry:
            yield from _tree(manager, known, depth + 1, (*above, entry.name))


def _prompt(task: Task, doc: int, num_fewshot: int | None, chat: bool) -> Iterator[str]:
    """Show what a doc becomes, or why it cannot be shown."""
    from lm_eval.models.messages import ChatPrompt

    if num_fewshot is not None and task.config.num_fewshot != 0:
        task.set_config("num_fewshot", num_fewshot)

    def template(messages: Any, add_generation_prompt: bool = True) -> Any:
        return ChatPrompt(messages)

    try:
        count = len(task.eval_docs)
        if doc >= count:
            raise ConfigError(f"Task {task.task_name} has docs 0 to {count - 1}; there is no doc {doc}.")
        # As in a run, whose shots are drawn doc by doc.
        task.set_fewshot_seed(_FEWSHOT_SEED)
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
        yield f"--- stops: {first.args[1].get('until')!r} ---"
    yield "--- target ---"
    yield str(target)
