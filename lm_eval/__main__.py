"""``python -m lm_eval``."""

import sys

from lm_eval.cli import main

if __name__ == "__main__":
    sys.exit(main())
