"""Global-MMLU: one dataset per language has all subjects; each task keeps the rows of its subject."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datasets import Dataset


def _only(dataset: Dataset, column: str, value: str) -> Dataset:
    return dataset.select([row for row, held in enumerate(dataset[column]) if held == value])


_category = partial(_only, column="subject_category")
_subject = partial(_only, column="subject")

# The six tasks of the lite version.
business = partial(_category, value="Business")
humanities = partial(_category, value="Humanities")
medical = partial(_category, value="Medical")
other = partial(_category, value="Other")
social_sciences = partial(_category, value="Social Sciences")
stem = partial(_category, value="STEM")

# The 57 tasks of the full version.
abstract_algebra = partial(_subject, value="abstract_algebra")
anatomy = partial(_subject, value="anatomy")
astronomy = partial(_subject, value="astronomy")
business_ethics = partial(_subject, value="business_ethics")
clinical_knowledge = partial(_subject, value="clinical_knowledge")
college_biology = partial(_subject, value="college_biology")
college_chemistry = partial(_subject, value="college_chemistry")
college_computer_science = partial(_subject, value="college_computer_science")
college_mathematics = partial(_subject, value="college_mathematics")
college_medicine = partial(_subject, value="college_medicine")
college_physics = partial(_subject, value="college_physics")
computer_security = partial(_subject, value="computer_security")
conceptual_physics = partial(_subject, value="conceptual_physics")
econometrics = partial(_subject, value="econometrics")
electrical_engineering = partial(_subject, value="electrical_engineering")
elementary_mathematics = partial(_subject, value="elementary_mathematics")
formal_logic = partial(_subject, value="formal_logic")
global_facts = partial(_subject, value="global_facts")
high_school_biology = partial(_subject, value="high_school_biology")
high_school_chemistry = partial(_subject, value="high_school_chemistry")
high_school_computer_science = partial(_subject, value="high_school_computer_science")
high_school_european_history = partial(_subject, value="high_school_european_history")
high_school_geography = partial(_subject, value="high_school_geography")
high_school_government_and_politics = partial(_subject, value="high_school_government_and_politics")
high_school_macroeconomics = partial(_subject, value="high_school_macroeconomics")
high_school_mathematics = partial(_subject, value="high_school_mathematics")
high_school_microeconomics = partial(_subject, value="high_school_microeconomics")
high_school_physics = partial(_subject, value="high_school_physics")
high_school_psychology = partial(_subject, value="high_school_psychology")
high_school_statistics = partial(_subject, value="high_school_statistics")
high_school_us_history = partial(_subject, value="high_school_us_history")
high_school_world_history = partial(_subject, value="high_school_world_history")
human_aging = partial(_subject, value="human_aging")
human_sexuality = partial(_subject, value="human_sexuality")
international_law = partial(_subject, value="international_law")
jurisprudence = partial(_subject, value="jurisprudence")
logical_fallacies = partial(_subject, value="logical_fallacies")
machine_learning = partial(_subject, value="machine_learning")
management = partial(_subject, value="management")
marketing = partial(_subject, value="marketing")
medical_genetics = partial(_subject, value="medical_genetics")
miscellaneous = partial(_subject, value="miscellaneous")
moral_disputes = partial(_subject, value="moral_disputes")
moral_scenarios = partial(_subject, value="moral_scenarios")
nutrition = partial(_subject, value="nutrition")
philosophy = partial(_subject, value="philosophy")
prehistory = partial(_subject, value="prehistory")
professional_accounting = partial(_subject, value="professional_accounting")
professional_law = partial(_subject, value="professional_law")
professional_medicine = partial(_subject, value="professional_medicine")
professional_psychology = partial(_subject, value="professional_psychology")
public_relations = partial(_subject, value="public_relations")
security_studies = partial(_subject, value="security_studies")
sociology = partial(_subject, value="sociology")
us_foreign_policy = partial(_subject, value="us_foreign_policy")
virology = partial(_subject, value="virology")
world_religions = partial(_subject, value="world_religions")
