"""Many runs from one file: models, tasks and settings, each combination a run of its own."""
