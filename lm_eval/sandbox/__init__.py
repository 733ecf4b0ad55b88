"""Runs programs that a model wrote, with limits on the harm that they can do."""
