"""Calls of the helpers that task folders import, and what the reference harness returns for them.

With the reference harness installed, ``python tests/tasks/library/public_helpers.py`` writes the answers anew.
"""

from __future__ import annotations

import importlib
import json
import random
from collections.abc import Iterator, Mapping
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any

RECORDED = Path(__file__).with_name("public_helpers.json")

_SOLUTIONS = (
    "So $x=3$ and the answer is $\\boxed{\\frac{1}{2}}$.",
    "First \\boxed{1}, then \\boxed{x = \\sqrt{2}} and more.",
    "Thus \\boxed 5$ holds.",
    "The area is \\fbox{12}.",
    "It is \\boxed{unclosed",
    "No box: $3 + 4 = 7$.",
    "",
)
_ANSWERS = (
    "\\frac{1}{2}",
    "0.5",
    "\\dfrac12",
    "1/2",
    ".5",
    "x=5",
    "5\\text{ cm}",
    "90^\\circ",
    "\\sqrt2",
    "\\left(1,2\\right)",
    "10\\%",
    "\\$1,000",
    "1,000,000",
    "0,1",
    "\\text{even}",
    "2\\pi cm",
    "\\left[0,1\\right]",
    "$\\boxed{3}$",
    "\\sqrt[3]8",
    "an apple",
    "12 square units",
    "",
)
_ARTICLE_PROBLEMS = str(
    [
        {"question": "He likes  _  .", "options": ["a", "b", "c", "d"], "answer": "B"},
        {"question": "Who?", "options": ["e", "f", "g", "h"], "answer": "A"},
        {"question": "Why?", "options": ["i", "j", "k", "l"], "answer": "D"},
    ]
)
_BBQ = {
    "ans0": "Unknown",
    "ans1": "The old man",
    "ans2": "the young woman",
    "label": 2,
    "context_condition": "disambig",
    "category": "Age",
    "question_polarity": "neg",
    "answer_info": {"ans0": ["Pat", "unknown"], "ans1": ["man", "old"], "ans2": ["woman", "nonOld"]},
    "additional_metadata": {"stereotyped_groups": ["old"]},
}
_BBQ_DOC = {
    **_BBQ,
    "biased_answers": ["The old man"],
    "ans0_groups": ["pat", "unknown"],
    "ans1_groups": ["m", "man", "old"],
    "ans2_groups": ["f", "woman", "nonold"],
}
_CRUX = {"code": "def f(x):\n    return x + 1", "input": "2", "output": "3"}
_DROP = {
    "answer": {"number": "", "date": {"day": "", "month": "", "year": ""}, "spans": ["two dogs", "a cat"]},
    "validated_answers": {
        "number": ["3", ""],
        "date": [{"day": "", "month": "", "year": ""}, {"day": "1", "month": "May", "year": "1900"}],
        "spans": [[], []],
    },
}
_HELLASWAG = {
    "activity_label": "Baking",
    "ctx_a": "A man [header] bakes.",
    "ctx_b": "he then",
    "endings": ["eats [title] Slowly", "sleeps  well"],
    "label": "1",
}
_GPQA = {
    "Question": "q",
    "Correct Answer": " yes [title] x",
    "Incorrect Answer 1": "no",
    "Incorrect Answer 2": "may  be",
    "Incorrect Answer 3": "[x] never",
}
_FINAL = "So.\nFinal Answer: The final answer is $x = 24 cm$. I hope it is correct."
_PRO = {
    "question": "q?",
    "options": [" a", "b "],
    "category": "math",
    "cot_content": "A: Let's think step by step. It is A. The answer is (A).",
}
_RECORD = {
    "passage": " Text one.\n@highlight\nFirst point\n@highlight\nSecond\n@highlight\nThird ",
    "query": "It was @placeholder",
    "entities": ["b", "a", "b"],
    "answers": ["a"],
}
_WSC = {
    "text": "The dog saw the cat when it ran .",
    "span1_text": "The dog",
    "span2_text": "it",
    "span2_index": 6,
    "label": 1,
}
_TRUTH = {"question": " q ", "correct_answers": ["It is true", "Yes. "], "incorrect_answers": ["It is false", ""]}
_MC = {"choices": ["apple pie", "apple"], "input": "Which?\nOptions:\n(A) apple pie\n(B) pear"}
_NAMED = ["The answer is (B).", "I choose pear", "Well: A", "none of them"]
_INSTRUCTIONS: dict[str, list[tuple[dict[str, Any], list[str]]]] = {
    "keywords:existence": [({"keywords": ["cat", "dog"]}, ["A Cat and a DOG", "a cat"])],
    "keywords:frequency": [({"keyword": "cat", "frequency": 2, "relation": "at least"}, ["cat Cat", "cat"])],
    "keywords:forbidden_words": [({"forbidden_words": ["cat"]}, ["cats", "A Cat!"])],
    "keywords:letter_frequency": [({"letter": "A", "let_frequency": 3, "let_relation": "less than"}, ["aAb", "aaa"])],
    "length_constraints:number_paragraphs": [({"num_paragraphs": 2}, ["a***b", "a *** *** b", "a"])],
    "length_constraints:number_words": [({"num_words": 3, "relation": "less than"}, ["one two", "one two three"])],
    "length_constraints:nth_paragraph_first_word": [
        (
            {"num_paragraphs": 2, "nth_paragraph": 2, "first_word": "well"},
            ["One.\n\nWell, two.", "One.\n\n'well' two", "Well\n\none"],
        )
    ],
    "detectable_content:number_placeholders": [({"num_placeholders": 2}, ["[a] and [b]", "[a]"])],
    "detectable_content:postscript": [({"postscript_marker": "P.S."}, ["Bye\nP. S. more", "Bye"])],
    "detectable_format:number_bullet_lists": [({"num_bullets": 2}, ["* a\n* b", "- a\n* b\n- c", "**a**"])],
    "detectable_format:constrained_response": [({}, ["My answer is yes.", "yes"])],
    "detectable_format:number_highlighted_sections": [({"num_highlights": 2}, ["*a* and **b**", "*a*", "* *"])],
    "detectable_format:multiple_sections": [
        ({"section_spliter": "Section", "num_sections": 2}, ["Section 1\na\nSection 2\nb", "Section 1"])
    ],
    "detectable_format:json_format": [({}, ['```json\n{"a": 1}\n```', "{a: 1}"])],
    "detectable_format:title": [({}, ["<<A title>>\ntext", "<< >>", "<title>"])],
    "combination:two_responses": [({}, ["a******b", "a******a", "a"])],
    "combination:repeat_prompt": [({"prompt_to_repeat": "Say hi"}, ["say HI\nHi.", "Hi"])],
    "startend:end_checker": [({"end_phrase": "Any other questions?"}, ['So. "Any other questions?"', "Any? No."])],
    "startend:quotation": [({}, ['"all"', '"', "all"])],
    "punctuation:no_comma": [({}, ["a b", "a, b"])],
}


class Call:
    """A call of a helper.

    Attributes:
        module: The module, below ``lm_eval.tasks``.
        name: The helper.
        args: Its arguments; a ``Rows`` becomes a dataset.
        method: A method to call on what the helper returned; with ``then`` as its arguments.
        key: The helper is a mapping, and this is the entry to call.
    """

    def __init__(
        self,
        module: str,
        name: str,
        *args: Any,
        method: str = "",
        then: tuple[Any, ...] = (),
        key: str = "",
        **options: Any,
    ) -> None:
        self.module, self.name, self.args, self.options = module, name, args, options
        self.method, self.then, self.key = method, then, key

    def __str__(self) -> str:
        given = [*map(repr, self.args), *(f"{name}={value!r}" for name, value in self.options.items())]
        tail = f".{self.method}({', '.join(map(repr, self.then))})" if self.method else ""
        return f"{self.module}:{self.name}{f'[{self.key}]' if self.key else ''}({', '.join(given)}){tail}"

    def result(self) -> Any:
        """Make the call, and return what JSON can hold of its result."""
        helper = getattr(importlib.import_module(f"lm_eval.tasks.{self.module}"), self.name)
        random.seed(7)
        found: Any = helper[self.key] if self.key else helper
        if callable(found):
            found = found(*map(_prepared, self.args), **self.options)
        if self.method == "check":
            found.build_description(**self.then[0])
            found = [
                found.get_instruction_args(),
                found.get_instruction_args_keys(),
                found.check_following(self.then[1]),
            ]
        elif self.method:
            found = getattr(found, self.method)(*map(_prepared, self.then))
        return plain(found)


class Rows:
    """Rows of a dataset."""

    def __init__(self, *rows: Mapping[str, Any]) -> None:
        self.rows = rows

    def __repr__(self) -> str:
        return f"Rows({len(self.rows)})"


def _prepared(value: Any) -> Any:
    from copy import deepcopy

    from datasets import Dataset

    return Dataset.from_list([dict(row) for row in value.rows]) if isinstance(value, Rows) else deepcopy(value)


def plain(value: Any) -> Any:
    """Return what JSON can hold of a value."""
    if is_dataclass(value) and not isinstance(value, type):
        return plain(asdict(value))
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (set, frozenset)):
        return sorted(plain(item) for item in value)
    if isinstance(value, (str, int, float, bool)) or value is None:
        return value
    if hasattr(value, "item") and getattr(value, "ndim", None) == 0:
        return value.item()
    return [plain(item) for item in value]


def calls() -> Iterator[Call]:
    """Yield the calls."""
    for module in ("hendrycks_math.utils", "aime.utils", "minerva_math.utils", "leaderboard.math.utils"):
        for text in _SOLUTIONS:
            yield Call(module, "last_boxed_only_string", text)
        for text in ("\\boxed{a{b}}", "\\boxed 5"):
            yield Call(module, "remove_boxed", text)
    yield Call("leaderboard.math.utils", "remove_boxed", "x")
    for module in ("hendrycks_math.utils", "aime.utils"):
        for text in _ANSWERS:
            yield Call(module, "strip_string", text)
            yield Call(module, "is_equiv", text, "\\frac{1}{2}")
        for pair in ((None, None), (None, "1"), ("a/b", "a/b")):
            yield Call(module, "is_equiv", *pair)
        for name, text in (
            ("fix_fracs", "\\frac1{72}+\\frac12"),
            ("fix_sqrt", "\\sqrt3+\\sqrt{2}"),
            ("fix_a_slash_b", "3/4"),
            ("fix_a_slash_b", "03/4"),
            ("remove_right_units", "3\\text{ km}"),
        ):
            yield Call(module, name, text)
    yield Call("hendrycks_math.utils", "process_results", {"solution": _SOLUTIONS[0]}, ["It is $0.5$."])
    for module in ("minerva_math.utils", "leaderboard.math.utils"):
        for text in _ANSWERS:
            yield Call(module, "normalize_final_answer", text)
        for text in (_FINAL, "Final Answer: The final answer is 3.", "no"):
            yield Call(module, "get_unnormalized_answer", text)
        for pair in (("0.5", "\\frac{1}{2}"), ("x", "y"), ("(1,2)", "(1,2)"), ("a b c {", "1")):
            yield Call(module, "is_equiv", *pair)
        yield Call(module, "list_fewshot_samples")
        yield Call(module, "SUBSTITUTIONS")
        yield Call(module, "REMOVED_EXPRESSIONS")
        yield Call(module, "doc_to_text", {"problem": "p"})
    for response in (_FINAL, "24", "Final Answer: The final answer is [invalidanswer]"):
        yield Call("leaderboard.math.utils", "process_result_v1", {"answer": "24"}, response)
    for text in (*_SOLUTIONS, "$a = 3$ then $b = 4$", "y = 7.", "It costs 12.5 or 13", "7x"):
        yield Call("agieval.utils", "parse_math_answer", text)
    for texts in (("so $x = 0.5$", "\\frac{1}{2}"), (None, None), ("a", None), ("= 3", "3")):
        yield Call("agieval.utils", "is_equiv", *texts)
    yield Call(
        "agieval.utils", "process_results_mcqa", {"gold": [1], "choices": ["long one", "b"]}, [[-2.0, 0], [-1.5, 0]]
    )
    yield Call("arithmetic.utils", "process_docs", Rows({"context": " Q: 1\n\nA: 2 ", "completion": " 3"}))
    yield from _bbh()
    yield from _bbq()
    for bias in (
        "age",
        "appearance",
        "autre",
        "disability",
        "gender",
        "nationality",
        "orientation",
        "race_color",
        "religion",
        "socio",
    ):
        kinds = ("age", "physical-appearance", "autre", "disability", "gender", "race-color", "sexual-orientation")
        rows = Rows(
            *(
                {"bias_type": kind, "n": n}
                for n, kind in enumerate((*kinds, "socioeconomic", "nationality", "religion"))
            )
        )
        yield Call("crows_pairs.utils", f"filter_{bias}", rows)
    yield Call("crows_pairs.utils", "process_results", {}, [[-3.0, False], [-5.5, True]])
    yield Call("crows_pairs.utils", "doc_to_choice", {"sent_more": "a", "sent_less": "b"})
    for kind in ("input", "output"):
        yield Call("cruxeval.utils", f"list_fewshot_samples_{kind}")
        for text in (
            "assert f(2) == 3",
            "f((1, 2))",
            "[ANSWER] f(2) == 3 [/ANSWER]",
            "'3' # three\nmore",
            "assert f(2",
            "2 == 3",
        ):
            for cot in (False, True):
                yield Call("cruxeval.utils", f"extract_code_{kind}", _CRUX, text, cot)
    yield Call("drop.utils", "get_answers", _DROP)
    for answers in (
        ("two dogs", ["two dogs", "a cat"]),
        (["cat", "2 dogs"], ["two dogs", "cat"]),
        ("3", "3.0"),
        ("", "x"),
    ):
        yield Call("drop.utils", "get_metrics", *answers)
    yield Call("drop.utils", "get_metrics", ["a b", "b c", "c d"], ["b c d", "a b c"])
    yield from _prompts()
    yield from _super_glue()
    for kind, cases in _INSTRUCTIONS.items():
        for values, responses in cases:
            for response in responses:
                for module in ("ifeval", "leaderboard.ifeval"):
                    yield Call(
                        f"{module}.instructions_registry",
                        "INSTRUCTION_DICT",
                        kind,
                        key=kind,
                        method="check",
                        then=(values, response),
                    )
    yield Call("ifeval.instructions_util", "count_words", "a b, c-d")
    yield Call("ifeval.instructions_util", "LANGUAGE_CODES")


def _bbh() -> Iterator[Call]:
    for module in ("bbh.zeroshot.utils", "bbh.cot_zeroshot.utils"):
        mapped: dict[str, Any] = {
            "regex_pattern_to_value": {r"\b(no)\b": False, r"\b(yes)\b": True},
            "ignore_case": True,
        }
        answers = ["Yes, sure", "NO! yes", "maybe"]
        yield Call(module, "MapRegexFilter", method="apply", then=([answers], [{}]), **mapped)
        lists = [{"input": "Sort.\nList: b a c"}]
        yield Call(module, "WordSortFilter", method="apply", then=([["a b c", "c, b", "x"]], lists))
        letters: dict[str, Any] = {"regex_pattern": r"(\([A-Z]\))", "ignore_case": True, "ignore_punctuation": True}
        yield Call(module, "MultiChoiceRegexFilter", method="apply", then=([_NAMED], [_MC]), **letters)
        for text in ("A, b; c", "the cat"):
            ignored: dict[str, Any] = {"ignore_case": True, "ignore_punctuation": True, "regexes_to_ignore": ["^the "]}
            yield Call(module, "ExtendedRegexFilter", method="filter_ignores", then=(text,), **ignored)
    for module in ("mmlu.flan_cot_zeroshot.utils", "mmlu.flan_n_shot.generative.utils"):
        docs = [{"choices": ["apple pie", "pear"]}]
        options: dict[str, Any] = {"regex_pattern": r"(\([A-Z]\))", "ignore_case": True}
        yield Call(module, "MultiChoiceRegexFilter", method="apply", then=([_NAMED], docs), **options)


def _bbq() -> Iterator[Call]:
    yield Call("bbq.utils", "process_docs", Rows(_BBQ))
    yield Call("bbq.utils", "process_docs_disambig", Rows(_BBQ, {**_BBQ, "context_condition": "ambig"}))
    yield Call("bbq.utils", "process_docs_ambig", Rows(_BBQ, {**_BBQ, "context_condition": "ambig"}))
    yield Call("bbq.utils", "UNKNOWN_RESPONSES_ALL")
    for name in ("doc_to_choice", "doc_to_targets", "doc_to_target", "doc_to_biased_answer"):
        yield Call("bbq.utils", name, _BBQ_DOC)
    outcomes = [[1.0, 0.0, 1.0, True], [0.0, 1.0, 1.0, True], [0.0, 1.0, 1.0, False], [1.0, 0.0, 0.0, False]]
    for name in ("agg_disamb_bias_scores", "agg_amb_bias_scores"):
        yield Call("bbq.utils", name, outcomes)
    for name in ("agg_accuracy_amb", "agg_accuracy_disamb"):
        yield Call("bbq.utils", name, [[outcome[0], outcome[-1]] for outcome in outcomes])
    yield Call(
        "bbq.utils", "filter_race_color", Rows({"bias_type": "race-color", "n": 1}, {"bias_type": "age", "n": 2})
    )


def _prompts() -> Iterator[Call]:
    yield Call("glue.mnli.utils", "doc_to_text", {"premise": "p.", "hypothesis": " h "})
    yield Call("glue.mnli.utils", "doc_to_text", {"premise": "p.", "hypothesis": "h."})
    for kind in (
        "gpqa.cot_n_shot",
        "gpqa.cot_zeroshot",
        "gpqa.generative",
        "gpqa.zeroshot",
        "gpqa.n_shot",
        "leaderboard.gpqa",
    ):
        yield Call(f"{kind}.utils", "preprocess", " a [title] b  [c]")
        yield Call(f"{kind}.utils", "preprocess", None)
    yield Call("hellaswag.utils", "preprocess", " a [title] b  [c]")
    yield Call("hellaswag.utils", "process_docs", Rows(_HELLASWAG))
    logiqa = {"context": "c", "text": "t", "question": "q", "options": ["w", "x", "y", "z"], "label": "c "}
    yield Call("logiqa.utils_logiqa", "doc_to_text", logiqa)
    yield Call("logiqa.utils_logiqa", "doc_to_target", logiqa)
    yield Call("logiqa2.utils_logiqa2", "doc_to_text", logiqa)
    yield Call("mathqa.utils", "doc_to_choice", {"options": "a ) 38 , b ) 27.675 , c ) 30 , d ) data , e ) none"})
    medmcqa = {"question": "q", "opa": "w", "opb": "x", "opc": "y", "opd": "z"}
    yield Call("medmcqa.utils_medmcqa", "doc_to_text", medmcqa)
    medqa = {"sent1": "q", "ending0": "w", "ending1": "x", "ending2": "y", "ending3": "z", "label": 2}
    yield Call("medqa.preprocess_medqa", "doc_to_text", medqa)
    yield Call("medqa.preprocess_medqa", "doc_to_target", medqa)
    yield Call("pubmedqa.preprocess_pubmedqa", "doc_to_text", {"CONTEXTS": ["a", "b"], "QUESTION": "q"})
    for name in ("doc_to_text", "fewshot_to_text", "fewshot_to_target", "format_cot_example", "format_cot_target"):
        yield Call("mmlu_pro.utils", name, _PRO)
    yield Call("mmlu_pro.utils", "choices")
    yield Call("mmlu_pro.utils", "process_docs", Rows(_PRO, {**_PRO, "category": "law"}), "law")
    yield Call("mmlu_pro.utils", "process_math", Rows(_PRO, {**_PRO, "category": "law"}))
    for name in ("doc_to_text", "doc_to_choice"):
        yield Call("leaderboard.mmlu_pro.utils", name, _PRO)
        yield Call("leaderboard.musr.utils", name, {"narrative": "n", "question": "q", "choices": "['a', 'b']"})
    yield Call("leaderboard.musr.utils", "DOC_TO_TEXT")
    for name in ("doc_to_text", "doc_to_choice", "doc_to_target", "last_problem"):
        yield Call("race.preprocess_race", name, {"article": "text", "problems": _ARTICLE_PROBLEMS})
    yield Call("race.preprocess_race", "get_answer_option", {"options": ["a", "b", "c", "d"], "answer": "C"})
    for rating in (2.5, 2.6):
        yield Call("toxigen.utils", "doc_to_target", {"toxicity_ai": 3, "toxicity_human": rating})
    for name in ("doc_to_choice", "doc_to_target"):
        yield Call("webqs.utils", name, {"answers": ["Paris, France", "Paris", "Lyon"]})
    yield Call(
        "wikitext.preprocess_wikitext", "wikitext_detokenizer", {"page": " = A = \n The 3 @.@ 5 ( x ) was ' b ' , 's"}
    )
    yield Call("wikitext.preprocess_wikitext", "process_results", {"page": "a b  c é"}, [-12.5])
    for gender in ("male", "female", "neutral"):
        yield Call(
            "winogender.utils", f"filter_{gender}", Rows(*({"gender": kind} for kind in ("male", "female", "neutral")))
        )
    gap = {"sentence": "The cup did not fit, as the _ was small.", "option1": "bag", "option2": "cup", "answer": "2"}
    for module in ("winogrande.preprocess_winogrande", "xwinograd.utils"):
        for name in ("doc_to_text", "doc_to_choice", "doc_to_target"):
            yield Call(module, name, gap)
    copa = {"premise": "It rained. ", "question": "cause", "choice1": "The sky", "choice2": "A pump", "label": 1}
    for question in ("cause", "effect"):
        for language in ("et", "ht", "id", "it", "qu", "sw", "ta", "th", "tr", "vi", "zh"):
            yield Call("xcopa.utils", f"doc_to_text_{language}", {**copa, "question": question})
        yield Call("super_glue.copa.utils", "doc_to_text", {**copa, "question": question})
    for name in ("doc_to_choice", "doc_to_target"):
        yield Call("super_glue.copa.utils", name, copa)
    yield Call("xcopa.utils", "doc_to_choice", copa)
    coqa = {
        "story": "s",
        "questions": {"input_text": ["q1", "q2"]},
        "answers": {"input_text": ["a1", "The cat"]},
        "additional_answers": {"0": {"input_text": ["b1", "the CAT"]}, "1": {"input_text": ["c1", "a big cat"]}},
    }
    for name in ("doc_to_text", "doc_to_target"):
        yield Call("coqa.utils", name, coqa)
    for golds in (["cat"], ["cat", "a big cat"], ["cat", "big cat", "dog"]):
        yield Call("coqa.utils", "compute_scores", golds, "The cat")
        yield Call("coqa.utils", "em", golds, "The cat")
    yield Call("truthfulqa.utils", "process_docs_gen", Rows(_TRUTH))
    yield Call("truthfulqa.utils", "bleu", [["The cat sat on a mat."]], ["The cat sat on the mat."])
    yield Call("truthfulqa.utils", "rouge", ["The cat sat on a mat . It ran"], ["A cat sat . It ran"])
    for text in ("python\nx = 1\n```", "\nx = 1\n```\nmore", "no end", "```python\ny\n```"):
        yield Call("mbpp.utils", "extract_code_blocks", text)
    yield Call("mbpp.utils", "list_fewshot_samples")


def _super_glue() -> Iterator[Call]:
    yield Call("super_glue.cb.aggregate", "cb_multi_fi", [[0, 0], [1, 0], [2, 2], [1, 1]])
    yield Call("super_glue.cb.t5_utils", "mean_3class_f1", ["neutral"], ["entailment"])
    yield Call("super_glue.cb.t5_utils", "mean_3class_f1", ["what"], ["neutral"])
    yield Call("super_glue.cb.t5_utils", "agg_mean_3class_f1", [[0, 0], [1, 0], [2, 2], [1, 1]])
    for response in ("True", "False", "x"):
        for name in ("f1", "em"):
            yield Call("super_glue.multirc.t5_utils", name, [response], ["3_True"])
    yield Call("super_glue.multirc.t5_utils", "agg_f1", [[1, 1], [0, 1], [1, 0], [0, 0]])
    yield Call("super_glue.multirc.t5_utils", "agg_em", [["1", 1, 1], ["1", 0, 1], ["2", 0, 0]])
    yield Call("super_glue.record.t5_utils", "doc_to_text", _RECORD)
    yield Call("super_glue.record.t5_utils", "normalize_squad", "The  Cat, a dog!")
    yield Call("super_glue.record.t5_utils", "process_docs", Rows({**_RECORD, "answers": ["a", "b"]}))
    for name in ("squad_em_agg", "squad_f1_agg"):
        yield Call("super_glue.record.t5_utils", name, [["The cat", "1_cat"], ["a dog", "2_big dog"]])
    for name in ("em", "f1"):
        yield Call("super_glue.record.t5_utils", name, ["x"], ["1_y"])
    for name in ("doc_to_text", "doc_to_target", "doc_to_choice"):
        yield Call("super_glue.record.util", name, _RECORD)
    yield Call("super_glue.record.util", "process_docs", Rows(_RECORD))
    doc = {"entities": ["cat", "a dog"], "answers": ["dog"]}
    yield Call("super_glue.record.util", "process_results", doc, [[-2.0, 0], [-1.0, 0]])
    yield Call("super_glue.wsc.preprocess_wsc", "default_doc_to_text", _WSC)
    yield Call("super_glue.wsc.t5_utils", "doc_to_text", _WSC)
    yield Call("super_glue.wsc.t5_utils", "clean", " The big Dog")
    yield Call("super_glue.wsc.t5_utils", "DETERMINERS")
    for response in ("dog", "the dog's", "cat"):
        yield Call("super_glue.wsc.t5_utils", "process_results", _WSC, [response])


def record() -> None:
    """Write what the installed package returns; calls that it cannot make are left out."""
    found = {}
    for call in calls():
        try:
            found[str(call)] = call.result()
        except Exception as error:
            print(f"left out: {call}: {type(error).__name__}: {error}"[:300])
    RECORDED.write_text(json.dumps(found, indent=0, ensure_ascii=False, sort_keys=True) + "\n", encoding="utf-8")
    print(len(found), "recorded")


if __name__ == "__main__":
    record()
