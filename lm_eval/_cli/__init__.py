"""The command line as ``argparse`` parsers, for scripts that parse it themselves or add options to it.

``lm_eval.cli`` is the command line of this package. What is here has the names of the reference harness's, reads the
options of ``lm_eval run``, ``ls`` and ``validate``, and carries them out with ``lm_eval.cli``.
"""

from lm_eval._cli.harness import HarnessCLI

__all__ = ["HarnessCLI"]
