"""Look at all runs below a folder in the browser, also while they go on; the page is served on this machine alone."""

from __future__ import annotations

import argparse
from pathlib import Path

from lm_eval.cli import exit_codes
from lm_eval.text import outgoing

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``lm_eval view``.

    Args:
        parser: The parser that gets the options.
    """
    parser.add_argument("folder", metavar="DIR", help="A folder with runs at any depth, such as that of --output_path.")
    parser.add_argument("--port", type=_port, metavar="N", help="The port (default: the first free one from 7680 on).")
    parser.add_argument("--open", action="store_true", help="Open the page in the browser.")
    parser.add_argument("--index", metavar="FILE", help="The file of the index (default: in the user's cache folder).")


def run(namespace: argparse.Namespace) -> int:
    """Serve the page until Ctrl-C.

    Args:
        namespace: The parsed options.

    Returns:
        0.
    """
    import asyncio

    from lm_eval.reports.runs import RunIndex
    from lm_eval.reports.runs.store import store_path
    from lm_eval.reports.view import ViewServer
    from lm_eval.reports.view.access import kept_token

    folder = Path(namespace.folder).expanduser()
    store = Path(namespace.index).expanduser() if namespace.index else store_path(folder)
    index = RunIndex(folder, store)

    async def serve() -> None:
        server = ViewServer(index, kept_token(store))
        url = await server.start(namespace.port)
        print(outgoing(f"{url}  (Ctrl-C ends it)"), flush=True)
        if namespace.open:
            import webbrowser

            webbrowser.open(url)
        try:
            await asyncio.Event().wait()
        finally:
            await server.stop()

    try:
        asyncio.run(serve())
    except KeyboardInterrupt:
        pass
    finally:
        index.close()
    return exit_codes.OK


def _port(word: str) -> int:
    if not word.isdecimal() or not 0 <= int(word) < 65536:
        raise argparse.ArgumentTypeError(f"it must be a port, 0 to 65535, not {word!r}")
    return int(word)
