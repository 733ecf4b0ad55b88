"""Measurements of this package beside the reference harness and a plain aiohttp loop, each pair in one run.

``python -m benchmarks`` prints one table; ``docs/benchmarks.md`` says how to read it.
"""
