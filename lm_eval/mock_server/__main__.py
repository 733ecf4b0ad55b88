"""``python -m lm_eval.mock_server``: the server without the rest of the command line."""

import sys

from lm_eval.errors import UserError
from lm_eval.mock_server.command import main

if __name__ == "__main__":
    try:
        sys.exit(main())
    except UserError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
