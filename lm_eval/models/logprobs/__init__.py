"""Reading log-probabilities, without sending anything.

``blocks`` reads what an answer lists, ``seams`` finds where a continuation starts in it, and ``checks`` rejects values
that cannot be right.
"""
