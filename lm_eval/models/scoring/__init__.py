"""Log-likelihoods from a server's own answers, each of them checked: one module per strategy.

The probe (``lm_eval.models.server.probe``) finds out what a server does, and ``make_scorer`` chooses a strategy or
refuses. A strategy is a subclass of ``Scorer``: ``units`` groups slots into work, and ``planned`` counts the requests
without sending any. To add one, write its module and add its class to ``STRATEGIES`` in ``choose``.

Reading and checking answers, and finding the seam in them, is in ``lm_eval.models.logprobs``.
"""

from lm_eval.models.scoring.base import Scorer
from lm_eval.models.scoring.choose import STRATEGIES, make_scorer, obstacles
from lm_eval.models.scoring.table import capability_table
from lm_eval.models.server.settings import ScoringSettings

__all__ = ["STRATEGIES", "Scorer", "ScoringSettings", "capability_table", "make_scorer", "obstacles"]
