"""The parts of a task: its documents, how their fields are read, prompts, filter pipelines and scoring."""
