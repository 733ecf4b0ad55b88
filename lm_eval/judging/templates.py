"""The template of a judge's prompt: in the task file, or a file of the user's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lm_eval.api.task_parts.fields import compile_template
from lm_eval.config.scorer import ScorerSpec
from lm_eval.errors import ConfigError
from lm_eval.text import sha256

if TYPE_CHECKING:
    from lm_eval.api.task import Task

__all__ = ["Template", "mark_version", "template_of"]

_VERSION_SIGN = "-judge"


@dataclass(frozen=True, slots=True)
class Template:
    """The template of a judge's prompt.

    Attributes:
        source: Its text.
        origin: ``task``, or the file that it comes from.
        sha256: The SHA-256 of template and system message.
    """

    source: str
    origin: str
    sha256: str

    @classmethod
    def of_entry(cls, saved: Mapping[str, Any]) -> Template:
        """Return the template that saved results name; its text is known only if it comes from a file.

        Args:
            saved: The entry of a task in ``judging``.
        """
        return cls(str(saved.get("prompt", "")), str(saved.get("template", "task")), str(saved.get("template_sha", "")))


def template_of(task: Task, spec: ScorerSpec, chosen: str | None) -> Template:
    """Return the template of a task.

    Args:
        task: The task.
        spec: Its ``scorer``.
        chosen: The file that the user wants instead; None for the task's own.

    Raises:
        ConfigError: The file cannot be read, or does not show what is judged.
        TemplateError: The template is not well-formed.
    """
    origin, source = "task", spec.prompt
    if chosen is not None:
        origin, source = chosen, _read(Path(chosen).expanduser())
    elif spec.judge_template is not None:
        origin, source = spec.judge_template, _read(Path(spec.judge_template))
    assert source is not None  # a scorer has one of both
    try:
        spec.check_prompt(source)
    except ConfigError as error:
        raise ConfigError(f"Task {task.task_name}: {error}") from None
    compile_template(source)
    return Template(source, origin, sha256(f"{spec.system or ''}\0{source}"))


def mark_version(task: Task, template: Template) -> None:
    """Add to the version of a task that another template than its own was used.

    Args:
        task: The task.
        template: The template that was used.
    """
    metadata = dict(task.get_config("metadata") or {})
    version = str(metadata.get("version", task.VERSION)).partition(_VERSION_SIGN)[0]
    if template.origin == "task":
        if _VERSION_SIGN in str(task.VERSION):
            metadata["version"] = task.VERSION = version
            task.set_config("metadata", metadata)
        return
    task.VERSION = metadata["version"] = f"{version}{_VERSION_SIGN}-{template.sha256[:8]}"
    task.set_config("metadata", metadata)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ConfigError(f"judge_template: cannot read {str(path)!r}: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise ConfigError(f"judge_template: {str(path)!r} is not UTF-8 text.") from None
