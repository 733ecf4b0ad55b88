"""Formulas on plain numbers: aggregations, standard errors, intervals, repeats and paired tests."""
