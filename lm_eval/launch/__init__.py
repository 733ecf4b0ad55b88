"""A run by more than one process: shards, joining them, and starting them here or on Ray."""
