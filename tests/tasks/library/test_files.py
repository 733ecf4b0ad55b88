"""The built-in task files load, have the expected names, and are documented."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import lm_eval.tasks
from lm_eval.task_files.validate import validate
from lm_eval.tasks import TaskManager

ROOT = Path(lm_eval.tasks.__file__).parent
FAMILIES = sorted(path.name for path in ROOT.iterdir() if any(path.glob("**/*.yaml")))
MMLU = {"stem": 19, "other": 13, "social_sciences": 12, "humanities": 13}

GROUPS = {
    "agieval": 21,
    "agieval_cn": 11,
    "agieval_en": 10,
    "agieval_nous": 8,
    "bbh": 27,
    "bbh_cot_fewshot": 27,
    "bbh_cot_zeroshot": 27,
    "bbh_fewshot": 27,
    "bbh_zeroshot": 27,
    "belebele": 122,
    "blimp": 67,
    "ceval-valid": 52,
    "cmmlu": 67,
    **{f"flores_{language}": 16 for language in ("ca", "es", "eu", "gl", "pt")},
    "global_mmlu_ar": 6,
    "global_mmlu_full_am": 57,
    "global_mmlu_full_zh": 57,
    **{f"global_mmlu_full_yo_{field}": size for field, size in MMLU.items()},
    "hendrycks_math": 7,
    "leaderboard": 39,
    "leaderboard_bbh": 24,
    "leaderboard_gpqa": 3,
    "leaderboard_instruction_following": 1,
    "leaderboard_math_hard": 7,
    "leaderboard_musr": 3,
    "mmlu": 57,
    "mmlu_continuation": 57,
    "mmlu_flan_cot_fewshot": 57,
    "mmlu_flan_cot_zeroshot": 57,
    "mmlu_flan_n_shot_generative": 57,
    "mmlu_flan_n_shot_loglikelihood": 57,
    "mmlu_generative": 57,
    "mmlu_pro": 14,
    "mmlu_redux_generative": 57,
    # The humanities are left out.
    "mmlu_redux_spanish_generative": 44,
    "openllm": 64,
    "pawsx": 7,
    "xcopa": 11,
    "xnli": 15,
    "xstorycloze": 11,
    "xwinograd": 6,
    **{f"mmlu_{field}": size for field, size in MMLU.items()},
}
# Tags; new families may add tasks to some of them.
TAGS = {
    "ai2_arc": 2,
    "anli": 3,
    "arithmetic": 10,
    "chain_of_thought": 5,
    "crows_pairs": 22,
    "flores": 16,
    "freebase": 1,
    "glue": 9,
    "gpqa": 15,
    "gpt3_translation_benchmarks": 6,
    "iwslt2017": 2,
    "headqa": 2,
    "lambada": 2,
    "lambada_cloze": 2,
    "lambada_multilingual": 5,
    "lambada_multilingual_stablelm": 7,
    "llama": 1,
    "math_word_problems": 23,
    "mgsm_cot_native": 22,
    "mgsm_direct": 11,
    "multiple_choice": 1,
    "self_consistency": 2,
    "social_bias": 1,
    "super-glue-lm-eval-v1": 8,
    "super-glue-lm-eval-v1-seq2seq": 1,
    "super-glue-t5-prompt": 8,
    "translation": 8,
    "truthfulqa": 3,
    "unscramble": 5,
    "winogender": 7,
    "wmt14": 2,
    "wmt16": 4,
    **{f"mmlu_{field}_tasks": size for field, size in MMLU.items()},
    **{f"mmlu_redux_{field}_generative": size for field, size in MMLU.items()},
    **{f"mmlu_{field}_generative_spanish": size for field, size in MMLU.items()},
    **{f"mmlu_{field}_{way}": size for field, size in MMLU.items() for way in ("continuation", "generative")},
    **{
        f"mmlu_flan_{way}_{field}": size
        for field, size in MMLU.items()
        for way in ("cot_fewshot", "cot_zeroshot", "n_shot_generative", "n_shot_loglikelihood")
    },
}
ALONE = """
gsm8k gsm8k_platinum hellaswag arc_easy arc_challenge arc_challenge_chat truthfulqa_mc1 truthfulqa_mc2 truthfulqa_gen
winogrande piqa lambada_openai lambada_standard wikitext boolq boolq-seq2seq copa sglue_rte commonsense_qa openbookqa
sciq social_iqa drop hendrycks_math500 mrpc sst2 rte mnli_mismatch triviaqa
swag nq_open asdiv asdiv_cot_llama medmcqa bbq bbq_generate toxigen wmt-ro-en-t5-prompt crows_pairs_french
coqa leaderboard_mmlu_pro logieval logiqa logiqa2 mathqa medqa_4options mmlu_redux_spanish pubmedqa race squadv2 webqs
ifeval aime aime24 aime25 minerva_math500 humaneval humaneval_instruct humaneval_64 humaneval_64_instruct humaneval_plus
mbpp mbpp_instruct mbpp_plus mbpp_plus_instruct cruxeval_input cruxeval_input_08 cruxeval_input_cot cruxeval_output
cruxeval_output_08 cruxeval_output_cot
"""


@pytest.fixture(scope="module")
def manager() -> TaskManager:
    return TaskManager()


def test_every_task_file_loads_with_its_functions(manager: TaskManager) -> None:
    assert [str(problem) for problem in validate(manager, ["*"]) if not problem.missing_package] == []


@pytest.mark.parametrize("group", GROUPS)
def test_group_has_its_tasks(group: str, manager: TaskManager) -> None:
    assert group in manager.all_groups
    assert len(manager.load([group])["tasks"]) == GROUPS[group]


@pytest.mark.parametrize("tag", TAGS)
def test_tag_has_its_tasks(tag: str, manager: TaskManager) -> None:
    assert tag in manager.all_tags
    assert len(manager.task_index[tag].tags) >= TAGS[tag]


def test_tasks_without_a_group_are_known(manager: TaskManager) -> None:
    assert [name for name in ALONE.split() if name not in manager.all_tasks] == []


def test_names_of_fragments_start_with_an_underscore() -> None:
    fragments = [
        path
        for path in ROOT.glob("*/**/*.yaml")
        if not re.search(r"^(task|group|class|task_list):", path.read_text(encoding="utf-8"), re.MULTILINE)
    ]
    assert [path for path in fragments if path.name[0] != "_" and path.parent.name not in ("subjects", "shots")] == []


@pytest.mark.parametrize("family", FAMILIES)
def test_readme_cites_paper_data_and_prompt(family: str) -> None:
    text = (ROOT / family / "README.md").read_text(encoding="utf-8")
    missing = [part for part in ("- Paper:", "- Data: `", "## Prompt", "## Tasks", "```bibtex") if part not in text]
    assert missing == []
    assert len(text.split("## Citation")[0]) < 6000, "the part to read is short"


@pytest.mark.parametrize("family", FAMILIES)
def test_readme_names_every_group_and_version(family: str) -> None:
    text = (ROOT / family / "README.md").read_text(encoding="utf-8")
    files = [path.read_text(encoding="utf-8") for path in (ROOT / family).rglob("*.yaml")]
    groups = {match for file in files for match in re.findall(r"^group: (\S+)$", file, re.MULTILINE)}
    versions = {match for file in files for match in re.findall(r"^  version: (\d+\.\d+)$", file, re.MULTILINE)}
    # `group_<language>` names the group of each language.
    patterns = [re.sub(r"<\w+>", r"\\w+", name) for name in re.findall(r"`([\w<>-]+)`", text)]
    assert [group for group in groups if not any(re.fullmatch(pattern, group) for pattern in patterns)] == []
    named = set(re.findall(r"\b\d+\.\d\b", text))
    assert sorted(versions - named) == []
