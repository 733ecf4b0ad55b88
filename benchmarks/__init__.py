"""Measure this package against the reference harness and a plain aiohttp loop, each pair in one run.

``python -m benchmarks`` prints one table; ``docs/benchmarks.md`` explains the table.
"""
