"""A proxy that records requests, connects to their targets, and forwards bytes."""

from __future__ import annotations

import contextlib
import select
import socket
import socketserver
import threading
from types import TracebackType


class Tunnel:
    """Runs a proxy in threads.

    Attributes:
        port: The port of the proxy.
        heads: The first line and headers of each connection.
    """

    def __init__(self, password: bool = False) -> None:
        """Describe the proxy; with a password it refuses clients without it."""
        self.heads: list[str] = []
        tunnel = self

        class Connection(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                with contextlib.suppress(OSError):
                    tunnel._serve(self.request, password)

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True
            request_queue_size = 128

        self._server = Server(("127.0.0.1", 0), Connection)
        self.port = int(self._server.server_address[1])
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    @property
    def asked(self) -> list[str]:
        """The first lines, such as ``CONNECT 127.0.0.1:443 HTTP/1.1``."""
        return [head.partition("\r\n")[0] for head in self.heads]

    def _serve(self, client: socket.socket, password: bool) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            data = client.recv(2**16)
            if not data:
                return
            head += data
        head_text = head.partition(b"\r\n\r\n")[0].decode()
        self.heads.append(head_text)
        if password and b"proxy-authorization:" not in head.lower():
            refusal = b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            client.sendall(refusal)
            return
        method, target, _ = head_text.partition("\r\n")[0].split(" ")
        host, _, port = (target if method == "CONNECT" else target.split("/")[2]).rpartition(":")
        with socket.create_connection((host, int(port)), timeout=10) as server:
            if method == "CONNECT":
                client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            else:
                server.sendall(head)
            other = {client: server, server: client}
            while True:
                for ready in select.select(list(other), [], [], 10)[0]:
                    data = ready.recv(2**16)
                    if not data:
                        return
                    other[ready].sendall(data)

    def __enter__(self) -> Tunnel:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join(10)
        self._server.server_close()
