"""Run code that a model wrote so that it can do little harm."""
