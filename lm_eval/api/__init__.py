"""What other packages subclass or register: models, tasks, filters, metrics, samplers."""
