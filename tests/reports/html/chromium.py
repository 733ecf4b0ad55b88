"""A headless Chromium driven over its debugging pipe: no driver, no port, no additional package."""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

__all__ = ["Browser", "BrowserError", "Page", "find_chromium"]

_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-default-apps",
    "--disable-extensions",
    "--hide-scrollbars",
    "--force-color-profile=srgb",
    "--remote-debugging-pipe",
)
# The browser reads commands on descriptor 3 and answers on 4. The pipes may have any descriptors, even 4 and 3.
_LAUNCH = """
import fcntl, os, sys
pipes = [fcntl.fcntl(int(word), fcntl.F_DUPFD, 10) for word in sys.argv[1:3]]
for pipe, place in zip(pipes, (3, 4)):
    os.dup2(pipe, place)
os.execv(sys.argv[3], sys.argv[3:])
"""
_PATIENCE = 30.0
_KEYS = {"ArrowDown": 40, "ArrowUp": 38, "Enter": 13, "Escape": 27, "End": 35, "Home": 36, "Tab": 9}


class BrowserError(Exception):
    """A command to the browser or its page failed."""


def find_chromium() -> str | None:
    """Return a Chromium or Chrome on this machine, None when there is none; ``LM_EVAL_CHROMIUM`` names one."""
    named = os.environ.get("LM_EVAL_CHROMIUM")
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    return named or next((found for name in names if (found := shutil.which(name))), None)


class Browser:
    """A Chromium with an empty profile; a context manager."""

    def __init__(self, executable: str) -> None:
        """Name the browser.

        Args:
            executable: Its path.
        """
        self._executable = executable
        self._folder = tempfile.TemporaryDirectory(prefix="lm_eval-chromium-", ignore_cleanup_errors=True)
        self._process: subprocess.Popen[bytes] | None = None
        self._to = self._from = -1
        self._read = b""
        self._last = 0
        self.listeners: dict[str, Callable[[dict[str, Any]], None]] = {}

    def __enter__(self) -> Browser:
        """Start it."""
        theirs_in, self._to = os.pipe()
        self._from, theirs_out = os.pipe()
        words = [self._executable, *_FLAGS, f"--user-data-dir={self._folder.name}", "about:blank"]
        self._process = subprocess.Popen(
            [sys.executable, "-c", _LAUNCH, str(theirs_in), str(theirs_out), *words],
            pass_fds=(theirs_in, theirs_out),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        os.close(theirs_in)
        os.close(theirs_out)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Stop it."""
        if self._process is not None:
            try:
                self.send("Browser.close")
                self._process.wait(5)
            except (BrowserError, OSError, subprocess.TimeoutExpired):
                self._process.kill()
                self._process.wait()
        os.close(self._to)
        os.close(self._from)
        self._folder.cleanup()

    def send(self, method: str, session: str | None = None, **params: Any) -> dict[str, Any]:
        """Send a command and wait for the answer.

        Args:
            method: A method of the Chrome DevTools Protocol.
            session: The page that gets the command.
            **params: Its parameters.

        Returns:
            The answer.

        Raises:
            BrowserError: The browser refused, or did not answer in time.
        """
        self._last += 1
        order: dict[str, Any] = {"id": self._last, "method": method, "params": params}
        if session is not None:
            order["sessionId"] = session
        os.write(self._to, json.dumps(order).encode() + b"\0")
        deadline = time.monotonic() + _PATIENCE
        while True:
            message = self._next(deadline, method)
            if message.get("id") == order["id"]:
                if "error" in message:
                    raise BrowserError(f"{method}: {message['error']}")
                result: dict[str, Any] = message.get("result", {})
                return result
            listener = self.listeners.get(message.get("sessionId", ""))
            if listener is not None and "method" in message:
                listener(message)

    def _next(self, deadline: float, method: str) -> dict[str, Any]:
        while b"\0" not in self._read:
            ready, _, _ = select.select([self._from], [], [], max(0.0, deadline - time.monotonic()))
            data = os.read(self._from, 1 << 20) if ready else b""
            if not data:
                raise BrowserError(f"{method}: no answer" if not ready else f"{method}: the browser ended")
            self._read += data
        text, _, self._read = self._read.partition(b"\0")
        message: dict[str, Any] = json.loads(text)
        return message

    def page(self, width: int = 1280, height: int = 800) -> Page:
        """Open an empty page.

        Args:
            width: In pixels.
            height: In pixels.

        Returns:
            The page.
        """
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        session = self.send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        return Page(self, session, target, width, height)


class Page:
    """A tab.

    Attributes:
        problems: Errors in the console, and refused requests.
        requests: The requested addresses.
    """

    def __init__(self, browser: Browser, session: str, target: str, width: int, height: int) -> None:
        """Attach to a tab.

        Args:
            browser: The browser.
            session: The tab's session.
            target: The tab.
            width: In pixels.
            height: In pixels.
        """
        self._browser, self._session, self._target = browser, session, target
        self.problems: list[str] = []
        self.requests: list[str] = []
        browser.listeners[session] = self._hear
        for domain in ("Page", "Runtime", "Log", "Network"):
            self._send(f"{domain}.enable")
        self.size(width, height)

    def _send(self, method: str, **params: Any) -> dict[str, Any]:
        return self._browser.send(method, self._session, **params)

    def _hear(self, message: dict[str, Any]) -> None:
        method, params = message["method"], message.get("params", {})
        if method == "Runtime.exceptionThrown":
            self.problems.append(json.dumps(params["exceptionDetails"])[:500])
        elif method == "Runtime.consoleAPICalled" and params["type"] in ("error", "warning", "assert"):
            self.problems.append(json.dumps(params["args"])[:500])
        elif method == "Log.entryAdded":
            self.problems.append(params["entry"]["text"])
        elif method == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"][:200])
        elif method == "Page.javascriptDialogOpening":
            self.problems.append(f"dialog: {params['message']}")

    def size(self, width: int, height: int, scale: float = 1, mobile: bool = False) -> None:
        """Set the size of the page.

        Args:
            width: In pixels.
            height: In pixels.
            scale: Device pixels per CSS pixel.
            mobile: Whether it is a phone's.
        """
        self._send(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=scale, mobile=mobile
        )

    def prefer(self, **features: str) -> None:
        """Set preferences of the reader, such as dark mode.

        Args:
            **features: Such as ``color_scheme="dark"``.
        """
        media = [{"name": f"prefers-{name.replace('_', '-')}", "value": value} for name, value in features.items()]
        self._send("Emulation.setEmulatedMedia", features=media)

    def open(self, path: Path, anchor: str = "") -> None:
        """Open a report and wait until it is ready.

        Args:
            path: The file.
            anchor: The end of the address, including ``#``.
        """
        self._send("Page.navigate", url="about:blank")
        self._send("Page.navigate", url=path.resolve().as_uri() + anchor)
        self.wait("document.documentElement && (document.documentElement.dataset.ready || !find_failure())")

    def js(self, expression: str) -> Any:
        """Evaluate an expression in the page.

        Args:
            expression: JavaScript; a promise is waited for.

        Returns:
            Its value.

        Raises:
            BrowserError: The expression threw an error.
        """
        found = self._send("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in found:
            raise BrowserError(f"{expression[:200]}: {json.dumps(found['exceptionDetails'])[:500]}")
        return found["result"].get("value")

    def wait(self, condition: str) -> None:
        """Wait until a condition holds.

        Args:
            condition: A JavaScript expression.

        Raises:
            BrowserError: The condition did not hold in time.
        """
        condition = condition.replace("find_failure()", "(document.getElementById('failure') || {hidden: true}).hidden")
        deadline = time.monotonic() + _PATIENCE
        poll = (
            f"new Promise((done) => {{ let left = 200; const look = () => ({condition}) ? done(true) : "
            "left-- ? setTimeout(look, 5) : done(false); look(); })"
        )
        while time.monotonic() < deadline:
            try:
                if self.js(poll):
                    return
            except BrowserError as error:
                if "context" not in str(error) and "navigated" not in str(error):
                    raise
        raise BrowserError(f"It never held: {condition}")

    def key(self, key: str, *, shift: bool = False) -> None:
        """Press a key.

        Args:
            key: The name of the key, or the letter.
            shift: Whether shift is held.
        """
        text = {} if key in _KEYS else {"text": key}
        if key == "Enter":
            text = {"text": "\r"}
        code = {"windowsVirtualKeyCode": _KEYS[key]} if key in _KEYS else {}
        self._send("Input.dispatchKeyEvent", type="keyDown", key=key, modifiers=8 * shift, **text, **code)
        self._send("Input.dispatchKeyEvent", type="keyUp", key=key, modifiers=8 * shift, **code)

    def write(self, text: str) -> None:
        """Type a text, one key per letter.

        Args:
            text: The text.
        """
        for letter in text:
            self.key(letter)

    def click(self, selector: str) -> None:
        """Click the middle of an element with the mouse.

        Args:
            selector: A CSS selector.
        """
        box = self.js(
            f"(() => {{ const e = document.querySelector({json.dumps(selector)}); "
            "e.scrollIntoView({block: 'nearest', inline: 'nearest'}); const b = e.getBoundingClientRect(); "
            "return [b.x + b.width / 2, b.y + b.height / 2]; })()"
        )
        for kind in ("mousePressed", "mouseReleased"):
            self._send("Input.dispatchMouseEvent", type=kind, x=box[0], y=box[1], button="left", clickCount=1)

    def screenshot(self, path: Path, *, whole: bool = False) -> None:
        """Save a screenshot as PNG.

        Args:
            path: The file.
            whole: Save the complete page, not only the visible part.
        """
        data = self._send("Page.captureScreenshot", format="png", captureBeyondViewport=whole)["data"]
        path.write_bytes(base64.b64decode(data))

    def close(self) -> None:
        """Close the tab."""
        self._browser.listeners.pop(self._session, None)
        self._browser.send("Target.closeTarget", targetId=self._target)
