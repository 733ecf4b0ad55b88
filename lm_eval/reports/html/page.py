"""Write the file: styles, scripts and data in one page, and a policy that lets nothing else run."""

from __future__ import annotations

import base64
import hashlib
import html
import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from importlib import resources
from pathlib import Path

from lm_eval.errors import UnknownNameError
from lm_eval.reports.compare import PairedRuns, Pairing
from lm_eval.reports.html.overview import overview
from lm_eval.reports.html.packing import pack, to_text
from lm_eval.reports.html.samples import Samples
from lm_eval.reports.html.scores import score_tree
from lm_eval.results import Run
from lm_eval.results.atomic import write_atomically
from lm_eval.text import count_of, first_names, shorten
from lm_eval.utils import pattern_match

__all__ = ["content_policy", "report_page", "report_path", "report_script", "report_styles", "write_report"]

eval_logger = logging.getLogger("lm_eval")

_STYLES = ("base", "frame", "scores", "samples", "sample", "judge", "print")
_SCRIPTS = (
    *("dom", "format", "data", "state"),
    *("plot", "overview", "scores", "settings"),
    *("filter", "search", "list", "text", "choices", "judge", "sample"),
    "keys",
)
_TIME = re.compile(r"\d{4}-\d{2}-\d{2}T[0-9.-]+$")


def write_report(
    run: Run,
    path: Path | None = None,
    *,
    against: Run | None = None,
    tasks: Sequence[str] = (),
    limit_samples: int | None = None,
) -> Path:
    """Write a run as one HTML file.

    Args:
        run: The run.
        path: The file; None means ``report_<time>.html`` next to the results file, or with ``against``
            ``report_<time>_against_<time of the other run>.html``.
        against: A run to compare it with, document by document.
        tasks: Names or patterns of the tasks and groups whose samples the page shows; none means all.
        limit_samples: Maximum number of documents per task whose samples the page shows; None means all.

    Returns:
        The file.

    Raises:
        UnknownNameError: The run has no task or group of a name in ``tasks``.
        ConfigError: A samples file cannot be read, or the report cannot be written.
    """
    place = path if path is not None else report_path(run, against)
    write_atomically(place, _parts(run, against, _chosen(run, tasks), limit_samples))
    return place


def report_page(run: Run, tasks: Sequence[str], limit_samples: int | None, viewer: Mapping[str, str]) -> str:
    """Return the report of a run for the local viewer.

    Args:
        run: The run.
        tasks: The tasks whose samples the page shows.
        limit_samples: Maximum number of documents per task whose samples the page shows; None means all.
        viewer: ``run``, the key of the run, and ``address`` of the viewer, to which samples link.

    Returns:
        The page.

    Raises:
        UnknownNameError: The run has no task or group of a name in ``tasks``.
        ConfigError: A samples file cannot be read.
    """
    return "".join(_parts(run, None, _chosen(run, tasks), limit_samples, viewer))


def report_path(run: Run, against: Run | None = None) -> Path:
    """Return the default file of a run's report.

    Args:
        run: The run.
        against: The run that it is compared with.

    Returns:
        ``report_<time>.html`` next to the results file, ``report.html`` when its name has no time; followed by
        ``_against_`` and the time, or else the name, of the other results file.
    """
    time = _TIME.search(run.path.stem)
    name = f"report_{time[0]}" if time else "report"
    if against is not None:
        other = _TIME.search(against.path.stem)
        name += f"_against_{other[0] if other else against.path.stem}"
    return run.path.with_name(f"{name}.html")


def _chosen(run: Run, names: Sequence[str]) -> list[str]:
    """Return the tasks that names or patterns of tasks and groups select."""
    if not names:
        return run.tasks
    known = list(dict.fromkeys([*run.tasks, *run.groups]))
    chosen: set[str] = set()
    for name in names:
        matched = pattern_match(name, known)
        if not matched:
            raise UnknownNameError("task of this run", name, known)
        chosen.update(task for match in matched for task in run.leaves(match))
    return [name for name in run.tasks if name in chosen]


def _parts(
    run: Run, against: Run | None, tasks: Sequence[str], limit: int | None, viewer: Mapping[str, str] | None = None
) -> Iterator[str]:
    samples = Samples(limit)
    versus = None if against is None else PairedRuns(against, run, flips=False)
    for name in run.tasks:
        lines, pairings = versus.add(name) if versus and name in versus.tasks else ([], {})
        if name in tasks and name in run.sample_files:
            samples.add(run.members[name], lines or list(run.read(name)), pairings)
    of_tasks, of_groups = versus.rows() if versus else ([], [])
    about = overview(run)
    about["warnings"] += [{"level": "note", "text": text} for text in _left_out(run, tasks, limit)]
    content: dict[str, object] = {**about, "scores": score_tree(run, against, [*of_tasks, *of_groups])}
    if viewer is not None:
        content["viewer"] = viewer
    if against is not None:
        content["against"] = _against(run, against, samples, versus.pairings if versus else {})
    index = samples.index()
    styles = report_styles()
    script = f"(() => {{\n'use strict';\n{report_script()}\n{_asset('main.js')}\n}})();\n"
    head, tail = _asset("page.html").split("<!-- data -->")
    title = f"{run.model_name or 'model'} - lm_eval report".encode("utf-8", "replace").decode()
    marks = {"policy": content_policy(styles, script), "title": html.escape(title), "styles": styles}
    yield re.sub(r"\{(policy|title|styles)\}", lambda match: marks[match[1]], head)
    yield _block("run", pack(content))
    yield _block("index", pack(index))
    # The script comes before the long texts, so that the page works before the browser has read them.
    yield f"<script>{script}</script>\n"
    for kind, blocks in (("texts", samples.texts.blocks), ("records", samples.records.blocks)):
        for number, block in enumerate(blocks):
            yield _block(f"{kind}-{number}", block)
    yield tail


def _left_out(run: Run, tasks: Sequence[str], limit: int | None) -> Iterator[str]:
    """Say which samples the page does not show, as was asked."""
    if len(tasks) < len(run.tasks):
        yield f"Only the samples of {len(tasks)} of {len(run.tasks)} tasks are in this report."
    if limit is not None:
        yield f"Only the samples of the first {limit:,} documents of each task are in this report; scores are over all."


def _against(run: Run, against: Run, samples: Samples, pairings: Mapping[str, Sequence[Pairing]]) -> dict[str, object]:
    about = overview(against)
    names = [each.model_name or "model" for each in (run, against)]
    if names[0] == names[1]:
        names = [f"{names[0]} ({each.path.parent.parent.name})" for each in (run, against)]
    notes = list(_other_documents(run, against, names[1], pairings))
    for text in notes:
        eval_logger.warning("%s", text)
    return {
        "self": names[0],
        "name": names[1],
        "file": against.path.name,
        "facts": about["facts"],
        "warnings": about["warnings"],
        "notes": [{"level": "note", "text": text} for text in notes],
        "other_prompts": samples.other_prompts,
    }


def _other_documents(run: Run, against: Run, name: str, pairings: Mapping[str, Sequence[Pairing]]) -> Iterator[str]:
    """Say what keeps the two runs from being about the same documents."""
    for key in ("limit", "samples"):
        here, there = run.config.get(key), against.config.get(key)
        if here != there:
            yield f"{key} differs: {_setting(here)} in this run, {_setting(there)} in {name}."
    of_run, of_other = set(run.tasks), set(against.tasks)
    for only, where in ((of_run - of_other, "this run"), (of_other - of_run, name)):
        if only:
            yield f"Only in {where}: {first_names(sorted(only))}."
    # The documents are the same under every filter, so count those of one.
    found = [group[0] for group in pairings.values() if group]
    counts = (
        (sum(each.only_b for each in found), "only in this run"),
        (sum(each.only_a for each in found), f"only in {name}"),
        (sum(each.changed for each in found), "with the same id but another content"),
        (sum(each.repeated for each in found), "more than once in a run"),
    )
    parts = [f"{count_of(count, 'document')} {where}" for count, where in counts if count]
    if parts:
        both = count_of(sum(each.matched for each in found), "document")
        yield f"The runs are not about the same documents: {', '.join(parts)}. Differences are over {both} of both."


def _setting(value: object) -> str:
    return "none" if value is None else shorten(to_text(value), 40)


def _join(kind: str, names: Sequence[str]) -> str:
    return "\n".join(_asset(f"{name}.{kind}") for name in names)


def _asset(name: str) -> str:
    return (resources.files("lm_eval.reports.html") / "assets" / name).read_text("utf-8")


def report_styles() -> str:
    """Return the style sheet of the page."""
    return _join("css", _STYLES)


def report_script() -> str:
    """Return the functions of the page, without what starts them."""
    return _join("js", _SCRIPTS)


def content_policy(styles: str, script: str) -> str:
    """Write a content security policy: a page's style and script, by their hashes, and no connection at all.

    Args:
        styles: The style sheet.
        script: The script.

    Returns:
        The policy.
    """
    hashes = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in (styles, script)]
    return (
        f"default-src 'none'; style-src 'sha256-{hashes[0]}'; script-src 'sha256-{hashes[1]}'; img-src data:; "
        "connect-src 'none'; base-uri 'none'; form-action 'none'"
    )


def _block(name: str, data: str) -> str:
    return f'<script type="text/plain" id="{name}">{data}</script>\n'
