"""Batches: calls are written to files of requests, and their replies come later, all at once."""
