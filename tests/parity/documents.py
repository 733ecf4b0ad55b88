"""Documents in the schema of each dataset, written for the tests; they are not rows of the real datasets.

A ``documents.json`` is dataset id -> ``"<config> <split>"`` -> rows; ``+`` joins configs or splits with the same rows.
"""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path


def write_hub(folder: Path, source: Path) -> Path:
    """Write the documents so that ``datasets.load_dataset(folder / id, config)`` finds them."""
    documents = json.loads(source.read_text(encoding="utf-8"))
    for name, parts in documents.items():
        home = folder / name
        home.mkdir(parents=True)
        files: dict[str, list[str]] = defaultdict(list)
        for number, (label, rows) in enumerate(parts.items()):
            (home / f"{number}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
            configs, splits = label.split(" ")
            for config in configs.split("+"):
                for split in splits.split("+"):
                    files[config].append(f"  - split: {split}\n    path: {number}.jsonl\n")
        card = "".join(f"- config_name: {config}\n  data_files:\n{''.join(found)}" for config, found in files.items())
        (home / "README.md").write_text(f"---\nconfigs:\n{card}---\n", encoding="utf-8")
    return folder
