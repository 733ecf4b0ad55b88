"""Names of the reference harness that nothing in this package needs, and that code for it imports.

``lm_eval.utils`` and other modules find them here, so that no import path changes.
"""
