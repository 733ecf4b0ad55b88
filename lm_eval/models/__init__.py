"""Models behind OpenAI-compatible APIs; ``lm_eval.api.registry`` has their names and imports them on first use."""
