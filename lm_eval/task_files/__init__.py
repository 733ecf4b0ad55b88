"""Task files: parsed, indexed, resolved from names to a tree, and built into tasks."""
