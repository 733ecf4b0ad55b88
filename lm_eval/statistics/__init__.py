"""Intervals, clustered errors, repeats and paired tests: formulas alone, on plain numbers."""
