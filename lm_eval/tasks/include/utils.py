"""INCLUDE: one config per language has all domains; each task keeps the rows of its domain."""

from __future__ import annotations

from lm_eval.tasks.shared.rows import RowFilter, row_filter

_DOMAINS = {
    "process_applied_science": "Applied Science",
    "process_arts_humanities": "Arts & Humanities",
    "process_business_commerce": "Business & Commerce",
    "process_driving_license": "Driving License",
    "process_general_knowledge": "General knowledge",
    "process_health_oriented_education": "Health oriented education",
    "process_marine_license": "Marine License",
    "process_medical_license": "Medical License",
    "process_professional_certification": "Professional certification",
    "process_stem": "STEM",
    "process_social_science": "Social Science",
}


def __getattr__(name: str) -> RowFilter:
    """Serve ``process_DOMAIN``."""
    return row_filter(name, _DOMAINS, "domain")
