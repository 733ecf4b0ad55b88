"""What runs in processes of its own, under either interpreter; ``lm_eval`` is the one that interpreter has."""
