"""Log-likelihoods from a server's own answers, each of them checked.

``lm_eval.models.server.probe`` learns what a server does, ``make_scorer`` chooses a strategy or refuses, and
the strategy's ``units`` cut slots into work. A strategy is a class in a module of its own: ``echo`` (cut by offsets, by
token texts, or by the context's tokens), ``token_ids``, ``prompt_logprobs``, ``forced_token``, ``first_token`` and
``chat_first_token``. What they share is pure: ``blocks`` reads answers, ``seams`` finds places in them, ``checks``
tells what cannot be right.
"""

from lm_eval.models.scoring.base import Scorer
from lm_eval.models.scoring.choose import STRATEGIES, make_scorer, obstacles
from lm_eval.models.scoring.table import capability_table
from lm_eval.models.server.settings import ScoringSettings

__all__ = ["STRATEGIES", "Scorer", "ScoringSettings", "capability_table", "make_scorer", "obstacles"]
