"""CRUXEval: turn each response into an assertion, run it after the function, and estimate pass@k."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from lm_eval.sandbox.code_execution import ProgramLimits, code_eval
from lm_eval.tasks.shared.shots import listed_shots

_CALL = "assert f("


def pass_at_k(references: Sequence[str], predictions: Sequence[Sequence[str]], k: Sequence[int]) -> dict[str, float]:
    """Run the programs of a function.

    Args:
        references: Ignored; each program ends in an assertion.
        predictions: The programs.
        k: The values of k.

    Returns:
        ``pass@k`` for each k, from 0 to 1.
    """
    return code_eval([""] * len(predictions), predictions, [k] if isinstance(k, int) else k)


def build_predictions_input(resps: Iterable[Sequence[str]], docs: Sequence[dict[str, Any]]) -> list[list[str]]:
    """Write programs that assert the given output for the input in each response.

    Args:
        resps: The responses of each function.
        docs: Rows with ``code`` and ``output``.

    Returns:
        The programs of each function.
    """
    return _programs(resps, docs, _with_input)


def build_predictions_input_cot(resps: Iterable[Sequence[str]], docs: Sequence[dict[str, Any]]) -> list[list[str]]:
    """Write the programs of :func:`build_predictions_input`, from responses with a chain of thought.

    Args:
        resps: The responses of each function.
        docs: Rows with ``code`` and ``output``.

    Returns:
        The programs of each function.
    """
    return _programs(([_after_thought(response) for response in found] for found in resps), docs, _with_input)


def build_predictions_output(resps: Iterable[Sequence[str]], docs: Sequence[dict[str, Any]]) -> list[list[str]]:
    """Write programs that assert the output in each response for the given input.

    Args:
        resps: The responses of each function.
        docs: Rows with ``code`` and ``input``.

    Returns:
        The programs of each function.
    """
    return _programs(resps, docs, _with_output)


def build_predictions_output_cot(resps: Iterable[Sequence[str]], docs: Sequence[dict[str, Any]]) -> list[list[str]]:
    """Write the programs of :func:`build_predictions_output`, from responses with a chain of thought.

    Args:
        resps: The responses of each function.
        docs: Rows with ``code`` and ``input``.

    Returns:
        The programs of each function.
    """
    return _programs(([_after_thought(response) for response in found] for found in resps), docs, _with_output)


def _programs(
    resps: Iterable[Sequence[str]],
    docs: Sequence[dict[str, Any]],
    assertion: Callable[[str, dict[str, Any]], str],
) -> list[list[str]]:
    pairs = zip(resps, docs, strict=True)
    return [[f"{doc['code']}\n{assertion(response, doc)}" for response in found] for found, doc in pairs]


def _after_thought(response: str) -> str:
    parts = response.split("[ANSWER]")
    return parts[1].strip().split("[/ANSWER]")[0].strip() if len(parts) > 1 else response


def _with_input(response: str, doc: dict[str, Any]) -> str:
    if _CALL in response:
        value = _arguments(response.partition(_CALL)[2])
    elif "assert f" in response or "==" in response:
        value = response.split("==")[0].replace("assert f", "").strip("()").strip()
    else:
        value = response.strip()
        if value.startswith("f(") and value.endswith(")"):
            value = value[2:-1]
    return f"assert f({_one_line(value)})=={doc['output']}"


def _arguments(text: str) -> str:
    """Return the text before the parenthesis that closes the call, else before the first parenthesis."""
    depth = 1
    for place, character in enumerate(text):
        depth += {"(": 1, ")": -1}.get(character, 0)
        if depth == 0:
            return text[:place].strip()
    return text.split(")")[0].strip()


def _with_output(response: str, doc: dict[str, Any]) -> str:
    value = (response.split("==")[1] if "==" in response else response).strip()
    value = value.strip("\"'")
    return f"assert f({doc['input']})=={_one_line(value)}"


def _one_line(value: str) -> str:
    """Return the first line without a comment."""
    return value.split("\n")[0].split("#")[0].strip()


def extract_code_input(doc: dict[str, Any], generation: str, cot: bool) -> str:
    """Write the program that asserts the given output for the input in a response.

    Args:
        doc: A row with ``code`` and ``output``.
        generation: The response.
        cot: Whether the answer stands after a chain of thought, in ``[ANSWER]``.
    """
    return f"{doc['code']}\n{_with_input(_after_thought(generation) if cot else generation, doc)}"


def extract_code_output(doc: dict[str, Any], generation: str, cot: bool) -> str:
    """Write the program that asserts the output in a response for the given input.

    Args:
        doc: A row with ``code`` and ``input``.
        generation: The response.
        cot: Whether the answer stands after a chain of thought, in ``[ANSWER]``.
    """
    return f"{doc['code']}\n{_with_output(_after_thought(generation) if cot else generation, doc)}"


def check_correctness(check_program: str, timeout: float = 3) -> bool:
    """Run a program in the sandbox.

    Args:
        check_program: The program.
        timeout: The time it may take, in seconds.

    Returns:
        Whether it ends without an error.
    """
    return code_eval([""], [[check_program]], [1], ProgramLimits(seconds=timeout))["pass@1"] == 1


def list_fewshot_samples_input() -> list[dict[str, Any]]:
    """Return the examples of the tasks that ask for an input."""
    return listed_shots("cruxeval_input")


def list_fewshot_samples_output() -> list[dict[str, Any]]:
    """Return the examples of the tasks that ask for an output."""
    return listed_shots("cruxeval_output")
