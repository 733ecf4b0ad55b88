"""The parts that other packages subclass or register: models, tasks, groups, filters, metrics and samplers."""
