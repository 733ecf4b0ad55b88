"""Programs that run in separate processes, with the ``lm_eval`` of this package or of the reference."""
