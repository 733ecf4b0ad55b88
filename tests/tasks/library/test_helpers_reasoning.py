"""The helpers of the families on knowledge and reasoning."""

from __future__ import annotations

import random
from typing import Any

import pytest
from datasets import Dataset, DatasetDict

from lm_eval.api.instance import Instance
from lm_eval.errors import MissingPackageError
from lm_eval.tasks import TaskManager
from lm_eval.tasks.agieval import utils as agieval
from lm_eval.tasks.coqa import utils as coqa
from lm_eval.tasks.gpqa import utils as gpqa
from lm_eval.tasks.leaderboard import utils as leaderboard
from lm_eval.tasks.mathqa import utils as mathqa
from lm_eval.tasks.race import utils as race
from lm_eval.tasks.shared import squad
from lm_eval.tasks.shared.cpu_limit import cpu_limit
from lm_eval.tasks.squadv2 import utils as squadv2
from lm_eval.tasks.webqs import utils as webqs


def _gpqa_docs(count: int = 20) -> Dataset:
    wrong = {f"Incorrect Answer {number}": f"wrong {number}" for number in (1, 2, 3)}
    return Dataset.from_list([{"Question": str(n), "Correct Answer": " right ", **wrong} for n in range(count)])


def test_gpqa_answer_names_the_right_choice() -> None:
    for doc in gpqa.shuffled_choices(_gpqa_docs()):
        assert doc["choices"]["ABCD".index(doc["answer"][1])] == "right"
        assert [doc[f"choice{number}"] for number in (1, 2, 3, 4)] == doc["choices"]


def test_gpqa_order_follows_the_seed_of_the_run() -> None:
    docs, orders = _gpqa_docs(), []
    for seed in (0, 0, 1):
        random.seed(seed)
        orders.append(gpqa.shuffled_choices(docs)["answer"])
    assert list(orders[0]) == list(orders[1]) != list(orders[2])


def test_gpqa_n_shot_order_is_always_the_same() -> None:
    orders = []
    for seed in (0, 1):
        random.seed(seed)
        orders.append(list(gpqa.shuffled_choices_42(_gpqa_docs())["answer"]))
    assert orders[0] == orders[1]


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("so \\boxed{x = \\frac{1}{2}} holds", "\\frac{1}{2}"),
        ("first \\boxed{1}, then \\boxed{2}", "2"),
        ("an open \\boxed{1", None),
        ("a \\boxed 5", None),
        ("that is $y=7$, not 8", "7"),
        ("$$ or 4", "4"),
        ("hence x = 12.", "12"),
        ("between 3 and 4.5 m", "4.5"),
        ("no idea", None),
    ],
)
def test_agieval_finds_the_answer(text: str, answer: str | None) -> None:
    assert agieval.final_answer(text) == answer


@pytest.mark.parametrize(
    ("response", "answer", "equal"),
    [
        ("\\boxed{1/2}", "$\\frac12$", True),
        ("\\boxed{a/b}", "$a / b$", True),
        ("\\boxed{01/2}", "$\\frac12$", False),
        ("I do not know", "\\pi", True),
        ("I do not know", "5", False),
        ("$\\sqrt$", "$\\sqrt$", True),
    ],
)
def test_agieval_compares_as_latex_text(response: str, answer: str, equal: bool) -> None:
    assert agieval.process_results({"answer": answer}, [response]) == {"acc": int(equal)}


def test_race_fills_blanks_and_asks_the_last_question() -> None:
    options = ["red", "blue", "green", "grey"]
    problems = [
        {"question": "The sky is  _  .", "options": options, "answer": "B"},
        {"question": "And grass?", "options": options, "answer": "C"},
        {"question": "And roses?", "options": options, "answer": "A"},
    ]
    doc = {"article": "Colours.", "problems": repr(problems)}
    assert race.question(doc) == (
        "Article: Colours.\n\nThe sky is blue\nQuestion: And grass?\nAnswer: green\nAnd roses?"
    )
    assert (race.choices(doc), race.answer(doc)) == (options, 0)


def test_webqs_drops_answers_that_continue_another() -> None:
    doc = {"answers": ["Paris, France", "Rome", "Paris"]}
    assert webqs.answers(doc) == ["Paris", "Rome"]
    assert webqs.all_right(doc) == [0, 1]
    assert doc["answers"][0] == "Paris, France"


def test_mathqa_options_may_have_commas() -> None:
    doc = {"options": "a ) rs . 1,450 , b ) 2 , c ) 3 , d ) 4 , e ) none of these"}
    assert mathqa.choices(doc) == ["rs . 1,450", "2", "3", "4", "none of these"]


def _conversation(*others: str) -> dict[str, Any]:
    return {
        "questions": {"input_text": ["Who?"]},
        "answers": {"input_text": ["the cat"]},
        "additional_answers": {str(n): {"input_text": [other]} for n, other in enumerate(others)},
    }


def test_coqa_merges_answers_that_differ_only_in_case() -> None:
    assert coqa.accepted_answers(_conversation("The cat", "a dog")) == ["the cat", "a dog"]


def test_coqa_leaves_each_answer_out_in_turn() -> None:
    scores = coqa.process_results(_conversation("a dog", "it"), ["Cat.\nQ: and then?"])
    assert scores == {"em": pytest.approx(2 / 3), "f1": pytest.approx(2 / 3)}


def test_coqa_works_without_additional_annotators() -> None:
    doc = {**_conversation(), "additional_answers": None}
    assert coqa.process_results(doc, ["the cat"]) == {"em": 1.0, "f1": 1.0}


_ANSWERS = [
    ("the Alps", ["Alps", "in the Alps"], 0.1),
    ("rain", ["snow fall"], 0.9),
    ("something", [], 0.8),
    ("", [], 0.7),
]


@pytest.mark.parametrize(
    ("name", "percent"),
    [
        ("exact", 50.0),
        ("f1", 50.0),
        ("HasAns_exact", 50.0),
        ("NoAns_exact", 50.0),
        # The threshold lies between 0.1 and 0.8: only the first question is answered.
        ("best_exact", 75.0),
        ("best_f1", 75.0),
    ],
)
def test_squad_scores(name: str, percent: float) -> None:
    assert squadv2.squad_score(name, _ANSWERS) == pytest.approx(percent)


def test_squad_score_of_no_questions_is_zero() -> None:
    assert squadv2.squad_score("NoAns_f1", _ANSWERS[:2]) == 0


def test_squad_f1_counts_shared_words() -> None:
    assert squad.f1("a white cat", "the black cat") == pytest.approx(0.5)


def test_squad_task_generates_and_scores() -> None:
    task = squadv2.SQuAD2()
    requests = task.construct_requests({}, "prompt", metadata=("squadv2", 0, 1))
    assert [(request.request_type, request.args) for request in requests] == [
        ("generate_until", ("prompt", {"until": ["\n"]})),
        ("loglikelihood", ("prompt", " unanswerable")),
    ]
    assert all(isinstance(request, Instance) for request in requests)


def test_arithmetic_writes_question_and_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, Any] = {}

    def load_dataset(path: str, name: str | None = None, **options: Any) -> DatasetDict:
        asked.update(path=path, **options)
        rows = [{"context": " Q: What is 3 + 4?\n\nA:", "completion": " 7"}]
        return DatasetDict({"validation": Dataset.from_list(rows)})

    monkeypatch.setattr("datasets.load_dataset", load_dataset)
    task = TaskManager().load(["arithmetic_1dc"])["tasks"]["arithmetic_1dc"]
    task.build_all_requests()
    assert task.instances[0].args == ("Question: What is 3 + 4?\nAnswer:", " 7")
    assert asked["data_files"] == {
        "validation": "hf://datasets/EleutherAI/arithmetic/data/single_digit_three_ops.jsonl"
    }


def test_musr_numbers_the_choices() -> None:
    doc = {"narrative": "A story.", "question": "Who?", "choices": "['Ann', \"Bob's dog\"]"}
    assert leaderboard.musr_question(doc) == "A story.\n\nWho?\n\n1 - Ann\n2 - Bob's dog\n\nAnswer:"


@pytest.mark.parametrize(
    ("answer", "spelling"),
    [
        ("x = 5", "5"),
        ("$1,000$", "1000"),
        ("12\\text{ cm}", "12"),
        ("\\frac12", "\\frac{1}{2}"),
        ("\\sqrt3", "\\sqrt{3}"),
        ("3 square feet", "3"),
        ("\\boxed{7}", "7"),
        ("30^\\circ", "30"),
    ],
)
def test_minerva_spelling(answer: str, spelling: str) -> None:
    assert leaderboard.normalize(answer) == spelling


@pytest.mark.parametrize(
    ("response", "right"),
    [
        ("Final Answer: The final answer is $5$. I hope it is correct.", True),
        ("Final Answer: The final answer is $5$. ", True),
        ("The answer is 5", False),
    ],
)
def test_minerva_needs_its_sentence(response: str, right: bool) -> None:
    assert leaderboard.follows_paper(response, "5") is right


def test_leaderboard_math_names_the_packages_before_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leaderboard, "_PACKAGES", ("a_package_nobody_has",))
    with pytest.raises(MissingPackageError, match="a_package_nobody_has"):
        leaderboard.hardest_problems(Dataset.from_list([{"level": "Level 5", "solution": "$\\boxed{1}$"}]))


def test_leaderboard_math_keeps_the_hardest_with_their_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leaderboard, "_PACKAGES", ())
    rows = [
        {"level": "Level 5", "solution": "So $\\boxed{\\frac{1}{2}}$."},
        {"level": "Level 4", "solution": "So $\\boxed{1}$."},
        {"level": "Level 5", "solution": "It is 3."},
    ]
    kept = leaderboard.hardest_problems(Dataset.from_list(rows))
    assert list(kept["answer"]) == ["\\frac{1}{2}", "[invalidanswer]"]


def test_leaderboard_math_scores_twice() -> None:
    for package in ("antlr4", "math_verify", "sympy"):
        pytest.importorskip(package)
    doc = {"solution": "So $\\boxed{\\frac{1}{2}}$.", "answer": "\\frac{1}{2}"}
    assert leaderboard.score_answer(doc, ["It is $0.5$."]) == {"exact_match": 1, "exact_match_original": 0}
    written = "Final Answer: The final answer is $\\frac{2}{4}$. I hope it is correct."
    assert leaderboard.score_answer(doc, [written]) == {"exact_match": 1, "exact_match_original": 1}


def test_cpu_limit_ends_a_long_computation() -> None:
    with pytest.raises(TimeoutError), cpu_limit(0.01):
        while True:
            pass


def test_cpu_limit_is_lifted_afterwards() -> None:
    with cpu_limit(0.01):
        pass
    assert sum(range(10**6)) > 0
