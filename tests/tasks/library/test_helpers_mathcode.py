"""The code next to the task files of instruction following, mathematics and programs."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from types import ModuleType
from typing import Any

import pytest

from lm_eval.errors import DatasetError, MissingPackageError


def utils(family: str) -> Any:
    return importlib.import_module(f"lm_eval.tasks.{family}.utils")


def needs(*packages: str) -> None:
    for package in packages:
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"needs {package}")


@pytest.mark.parametrize(
    ("instruction", "values", "response", "verdict"),
    [
        ("keywords:existence", {"keywords": ["Rain", "sn.w"]}, "rain and SNOW", True),
        ("keywords:existence", {"keywords": ["rain", "hail"]}, "rain and snow", False),
        ("keywords:frequency", {"keyword": " rain ", "frequency": 2, "relation": "at least"}, "Rain, rains", True),
        ("keywords:frequency", {"keyword": "rain", "frequency": 2, "relation": "less than"}, "Rain, rains", False),
        ("keywords:forbidden_words", {"forbidden_words": ["rain"]}, "Rainy", True),
        ("keywords:forbidden_words", {"forbidden_words": ["rain"]}, "RAIN!", False),
        ("keywords:letter_frequency", {"letter": "A", "let_frequency": 3, "let_relation": "at least"}, "Aha a", True),
        ("keywords:letter_frequency", {"letter": "#", "let_frequency": 2, "let_relation": "less than"}, "##", False),
        ("length_constraints:number_words", {"num_words": 4, "relation": "at least"}, "it's two-fold", True),
        ("length_constraints:number_words", {"num_words": 4, "relation": "less than"}, "it's two-fold", False),
        ("length_constraints:number_paragraphs", {"num_paragraphs": 2}, "***one***two\n***\n", True),
        ("length_constraints:number_paragraphs", {"num_paragraphs": 2}, "one *** *** two", False),
        ("length_constraints:number_paragraphs", {"num_paragraphs": 1}, "one", True),
        (
            "length_constraints:nth_paragraph_first_word",
            {"num_paragraphs": 2, "nth_paragraph": 2, "first_word": "So"},
            "One.\n\n'\"so, two",
            True,
        ),
        (
            "length_constraints:nth_paragraph_first_word",
            {"num_paragraphs": 2, "nth_paragraph": 2, "first_word": "so"},
            "One.\n\n\n\nso",
            False,
        ),
        ("detectable_content:number_placeholders", {"num_placeholders": 2}, "[name] at []", True),
        ("detectable_content:number_placeholders", {"num_placeholders": 2}, "[name\n] at [day]", False),
        ("detectable_content:postscript", {"postscript_marker": "P.S."}, "Bye.\np. s. more", True),
        ("detectable_content:postscript", {"postscript_marker": "P.P.S"}, "Bye. P.S. more", False),
        ("detectable_content:postscript", {"postscript_marker": "NB"}, "nb: this", True),
        ("detectable_format:number_bullet_lists", {"num_bullets": 3}, "* a\n - b\n* c\n** d", True),
        ("detectable_format:number_bullet_lists", {"num_bullets": 1}, "* a\n* b", False),
        ("detectable_format:constrained_response", {}, "Well: My answer is no.", True),
        ("detectable_format:constrained_response", {}, "No.", False),
        ("detectable_format:number_highlighted_sections", {"num_highlights": 2}, "*a* and *b*", True),
        ("detectable_format:number_highlighted_sections", {"num_highlights": 1}, "**a**", True),
        ("detectable_format:number_highlighted_sections", {"num_highlights": 1}, "* * and ****", False),
        ("detectable_format:multiple_sections", {"section_spliter": "Part ", "num_sections": 2}, "Part 1 Part2", True),
        ("detectable_format:multiple_sections", {"section_spliter": "Part", "num_sections": 2}, "Part 1 part 2", False),
        ("detectable_format:json_format", {}, '```json\n{"a": 1}\n```', True),
        ("detectable_format:json_format", {}, "{a: 1}", False),
        ("detectable_format:title", {}, "<<a title>>", True),
        ("detectable_format:title", {}, "<< >>", False),
        ("combination:two_responses", {}, "one******two", True),
        ("combination:two_responses", {}, "one******one", False),
        ("combination:two_responses", {}, "one****** ******two", False),
        ("combination:repeat_prompt", {"prompt_to_repeat": "Say Hi"}, " say hi - hi", True),
        ("combination:repeat_prompt", {"prompt_to_repeat": "Say hi"}, "OK. Say hi", False),
        ("startend:end_checker", {"end_phrase": "The End."}, '"Bye. the end."', True),
        ("startend:end_checker", {"end_phrase": "The end."}, "The end. Bye.", False),
        ("startend:quotation", {}, ' "quoted" ', True),
        ("startend:quotation", {}, '"', False),
        ("change_case:english_capital", {}, "no", False),
        ("change_case:english_lowercase", {}, "No", False),
        ("punctuation:no_comma", {}, "one and two", True),
        ("punctuation:no_comma", {}, "one, two", False),
        ("punctuation:no_comma", {}, " \n", False),
    ],
)
def test_ifeval_checker(instruction: str, values: dict[str, Any], response: str, verdict: bool) -> None:
    assert utils("ifeval").follows(response, instruction, values) is verdict


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("One. Two! Three? Four", 4),
        ("Dr. Smith met Mr. Jones in the U.S. in Jan. 2020. They talked.", 2),
        ("It cost 3.5 dollars. J. K. Smith paid.", 2),
        ('He said "no." Then he left.', 2),
        ("It was plan B. The plan failed.", 2),
        ("Wait... what? no way", 2),
    ],
)
def test_ifeval_sentences_need_no_data(text: str, count: int) -> None:
    needs("nltk")
    assert len(utils("ifeval").sentences(text)) == count


def test_ifeval_words_in_capitals_are_words_of_the_treebank() -> None:
    needs("nltk")
    values = {"capital_frequency": 4, "capital_relation": "less than"}
    assert not utils("ifeval").follows("NASA CAN'T: GO", "change_case:capital_word_frequency", values)
    assert utils("ifeval").follows("NASA can't GO-GO", "change_case:capital_word_frequency", values)


def test_ifeval_language() -> None:
    needs("langdetect")
    follows = utils("ifeval").follows
    german = "Das ist ein schöner Tag, und wir gehen heute alle zusammen in den Garten."
    assert follows(german, "language:response_language", {"language": "de"})
    assert not follows(german, "language:response_language", {"language": "fr"})
    assert follows("123 456", "language:response_language", {"language": "fr"}), "nothing to tell it by"
    assert follows("this is a whole sentence in the english language", "change_case:english_lowercase", {})
    assert not follows(german.upper(), "change_case:english_capital", {})


def test_ifeval_loose_verdict_forgives_a_first_line_a_last_line_and_asterisks() -> None:
    doc = {"instruction_id_list": ["startend:quotation", "punctuation:no_comma"], "kwargs": [{}, {}]}
    assert utils("ifeval").process_results(doc, ['Sure, here:\n*"It rains"*\nAnything else?']) == {
        "prompt_level_strict_acc": False,
        "inst_level_strict_acc": [False, False],
        "prompt_level_loose_acc": True,
        "inst_level_loose_acc": [True, True],
    }


def test_ifeval_share_counts_instructions_not_docs() -> None:
    assert utils("ifeval").agg_inst_level_acc([[True], [True, False, False]]) == 0.5


@pytest.mark.parametrize("instruction", ["punctuation:no_coma", "keywords:existence"])
def test_ifeval_row_that_cannot_be_checked_is_named(instruction: str) -> None:
    with pytest.raises(DatasetError, match=instruction):
        utils("ifeval").follows("yes", instruction, {"keywords": None})


@pytest.mark.parametrize("package", ["nltk", "langdetect"])
def test_ifeval_names_the_packages_it_needs_before_a_model_is_asked(
    package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("nltk", "langdetect"):
        monkeypatch.setitem(sys.modules, name, None if name == package else ModuleType(name))
    with pytest.raises(MissingPackageError, match=rf"{package}.*lm-eval-api\[tasks\]"):
        utils("ifeval").process_docs(None)


@pytest.mark.parametrize(
    ("answer", "normal"),
    [
        ("x = 5", "5"),
        ("$12$ square feet", "12"),
        ("2\\pi cm", "2\\pi"),
        ("\\left(1, 2\\right)", "\\left(1,2\\right)"),
        ("1,000,000", "1000000"),
        ("0,1", "0,1"),
        ("\\sqrt3", "\\sqrt{3}"),
        ("\\sqrt[3]8", "\\sqrt[3]{8}"),
        ("\\frac12", "\\frac{1}{2}"),
        ("\\text{odd}", "odd"),
        ("\\textbf{7}", "7"),
        ("90^\\circ", "90"),
    ],
)
def test_minerva_normal_form(answer: str, normal: str) -> None:
    assert utils("minerva_math").normalize(answer) == normal


@pytest.mark.parametrize(
    ("response", "answer"),
    [
        ("So.\nFinal Answer: The final answer is $5$. I hope it is correct.", "$5$"),
        ("Final Answer: The final answer is $5$. ", "$5$"),
        ("The final answer is $5$.", "[invalidanswer]"),
    ],
)
def test_minerva_final_answer(response: str, answer: str) -> None:
    assert utils("minerva_math").final_answer(response) == answer


@pytest.mark.parametrize(
    ("first", "second", "equal"),
    [
        ("(1,2)", "(1,2)", True),
        ("1/2", "\\frac{1}{2}", True),
        ("(x-1)(x+1)", "x^2-1", True),
        ("x+1", "x-1", False),
        ("(1,2)", "(1,3)", False),
        ("", "", False),
        ("[invalidanswer]", "5", False),
        ("[invalidanswer]", "invalidanswer", True),
    ],
)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_minerva_answers_are_compared_by_value(first: str, second: str, equal: bool) -> None:
    needs("antlr4", "sympy")
    assert utils("minerva_math").is_equivalent(first, second) is equal


@pytest.mark.parametrize("package", ["math_verify", "sympy.parsing.latex"])
def test_minerva_names_the_packages_it_needs_before_a_model_is_asked(
    package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = utils("minerva_math")
    module._packages.cache_clear()
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingPackageError, match=r"lm-eval-api\[tasks\]"):
        module.process_docs(None)


@pytest.mark.parametrize(
    ("response", "score"),
    [
        ("It is $4$, so \\boxed{42}.", 1),
        ("\\boxed{41}, no: $42$", 0),
        ("$a$ is $42$", 0),
        ("It is $42$", 1),
        ("42", 1),
        ("\\boxed{42", 0),
        ("\\boxed 42$", 1),
        ("\\boxed{42} \\boxedx{1} $42$", 1),
        ("\\fbox{7} $42$", 1),
    ],
)
def test_aime_answer(response: str, score: int) -> None:
    assert utils("aime").process_results({"ID": 1, "Answer": 42}, [response]) == {"exact_match": score}


def test_humaneval_program_is_prompt_and_response() -> None:
    doc = {"prompt": "def f():\n"}
    assert utils("humaneval").build_predictions([["    return 1", ""]], [doc]) == [
        ["def f():\n    return 1", "def f():\n"]
    ]
    found = utils("humaneval").build_predictions_instruct([["    return 1\n```\nDone. ```"]], [doc])
    assert found == [["def f():\n    return 1\n"]]


def test_humaneval_pass_at_k_counts_passing_samples() -> None:
    found = utils("humaneval").pass_at_k(
        references=["assert f()"], predictions=[["f = bool", "f = int", "def f(): return 1"]], k=[1, 3]
    )
    assert found == {"pass@1": pytest.approx(1 / 3), "pass@3": 1.0}


@pytest.mark.parametrize(
    ("response", "program"),
    [
        ("\nx = 1\n```\nDone.", "x = 1"),
        ("python\nx = 1\n```", "x = 1"),
        ("\nx = 1", ""),
        ("Here:\n```python\nx = 1\n```", ":"),
        ("x = 1\n```", " = 1"),
    ],
)
def test_mbpp_first_code_block_of_a_block_that_the_prompt_opened(response: str, program: str) -> None:
    assert utils("mbpp").build_predictions([[response]], [{}]) == [[program]]


def test_mbpp_scores_one_program_or_a_list() -> None:
    assert utils("mbpp").pass_at_1(references=["assert x"], predictions=["x = 1"]) == 1.0
    assert utils("mbpp").pass_at_1(references=["assert x"], predictions=[["x = 0"]]) == 0.0


FUNCTION = {"code": "def f(a, b=0): return a", "input": "(1, 2), 3", "output": "(1, 2)"}


@pytest.mark.parametrize(
    ("response", "assertion"),
    [
        ("assert f((1, 2), 3) == (1, 2)", "assert f((1, 2), 3)==(1, 2)"),
        ("assert f((1, 2", "assert f((1, 2)==(1, 2)"),
        ("f((1, 2), 3)", "assert f((1, 2), 3)==(1, 2)"),
        ("f(7) == 7", "assert f(f(7))==(1, 2)"),
        ("(7)== 7", "assert f(7)==(1, 2)"),
        ("7 # seven\nmore", "assert f(7)==(1, 2)"),
    ],
)
def test_cruxeval_input_is_the_argument_of_the_call(response: str, assertion: str) -> None:
    found = utils("cruxeval").build_predictions_input([[response]], [FUNCTION])
    assert found == [[f"{FUNCTION['code']}\n{assertion}"]]


@pytest.mark.parametrize(
    ("response", "assertion"),
    [
        ("assert f((1, 2), 3) == (1, 2)", "assert f((1, 2), 3)==(1, 2)"),
        ("'ab'", "assert f((1, 2), 3)==ab"),
        ("7 # seven\nmore", "assert f((1, 2), 3)==7"),
    ],
)
def test_cruxeval_output_is_the_text_after_the_equals_sign(response: str, assertion: str) -> None:
    found = utils("cruxeval").build_predictions_output([[response]], [FUNCTION])
    assert found == [[f"{FUNCTION['code']}\n{assertion}"]]


def test_cruxeval_answer_comes_after_the_thought() -> None:
    module = utils("cruxeval")
    response = "f(1) == 1, so [ANSWER] f(2) == 2 [/ANSWER] or [ANSWER]3"
    assert module.build_predictions_output_cot([[response]], [FUNCTION])[0][0].endswith("==2")
    assert module.build_predictions_input_cot([["so [ANSWER]f(2)[/ANSWER]"]], [FUNCTION])[0][0].endswith("f(2)==(1, 2)")


def test_cruxeval_program_is_run_unchanged() -> None:
    programs = ["def f(a): return a\nassert f(1)==1", "def f(a): return a\nassert f(1)==2"]
    assert utils("cruxeval").pass_at_k(references=[""], predictions=[programs], k=[1]) == {"pass@1": 0.5}
