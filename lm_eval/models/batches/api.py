"""The Batch API of a server: files are uploaded and downloaded, batches are created and looked at."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlencode

from lm_eval.errors import APIError, MalformedResponse, SavingError
from lm_eval.models.http.endpoints import Endpoint
from lm_eval.models.http.retry import RetryPolicy
from lm_eval.models.http.transport import Transport, decode, encode

__all__ = ["BatchAPI", "batch_words"]

T = TypeVar("T")
_MAX_PAGES, _MAX_ERRORS = 50, 3
_PAGE = 100
_READ_BYTES = 2**20
_WINDOW = "24h"
"""The only completion window that there is."""


class BatchAPI:
    """Calls of a Batch API, each retried as the requests of a run are."""

    def __init__(self, transport: Transport, endpoint: Endpoint, policy: RetryPolicy) -> None:
        """Store the parts.

        Args:
            transport: An open transport.
            endpoint: The server.
            policy: When and how often a call is retried.
        """
        self._transport, self._endpoint, self._policy = transport, endpoint, policy

    async def upload(self, file: Path, name: str) -> str:
        """Upload a file of requests.

        Args:
            file: The file.
            name: Its name on the server.

        Returns:
            Its id.

        Raises:
            APIError: The file cannot be uploaded.
        """

        async def send() -> str:
            import aiohttp

            url = self._url("/files")
            with file.open("rb") as content:
                form = aiohttp.FormData({"purpose": "batch"})
                form.add_field("file", content, filename=name, content_type="application/jsonl")
                async with self._transport.transfer("POST", url, form) as response:
                    raw = await response.read()
            return _text(_parsed(raw), "id")

        return await self.patiently(send)

    async def create(self, file_id: str, path: str, token: str) -> Mapping[str, object]:
        """Create a batch, once; a failure is not retried here.

        Args:
            file_id: The id of its file.
            path: The path of the API that its requests are for.
            token: The name by which ``find_batch`` finds the batch.

        Returns:
            The batch.

        Raises:
            APIError: There is no usable reply.
        """
        body = {
            "input_file_id": file_id,
            "endpoint": f"/v1{path}",
            "completion_window": _WINDOW,
            "metadata": {"lm_eval": token},
        }
        found, _, _ = await self._transport.send(self._url("/batches"), encode(body))
        return _object(found)

    async def batch(self, batch_id: str) -> Mapping[str, object]:
        """Look at a batch.

        Args:
            batch_id: Its id.

        Returns:
            The batch.

        Raises:
            APIError: There is no usable reply.
        """
        return _object(await self._get(f"/batches/{batch_id}"))

    async def find_batch(self, token: str, file_id: str) -> Mapping[str, object] | None:
        """Look for a batch whose id is not known.

        Args:
            token: The name that was sent with it.
            file_id: The id of its file.

        Returns:
            The batch; None if there is none.

        Raises:
            EndpointNotFound: The server does not list batches.
            APIError: There is no usable reply.
        """
        async for batch in self._all("/batches", {}):
            metadata = batch.get("metadata")
            named = metadata.get("lm_eval") if isinstance(metadata, Mapping) else None
            if named == token or (file_id and batch.get("input_file_id") == file_id):
                return batch
        return None

    async def find_file(self, name: str) -> str | None:
        """Look for an uploaded file whose id is not known.

        Args:
            name: Its name on the server.

        Returns:
            Its id; None if there is none, or the server does not list files.
        """
        try:
            async for file in self._all("/files", {"purpose": "batch"}):
                if file.get("filename") == name and file.get("status") != "error":
                    return str(file.get("id") or "") or None
        except APIError:
            pass
        return None

    async def download(self, file_id: str, path: Path) -> None:
        """Download a file.

        Args:
            file_id: Its id.
            path: Where it goes; it is there only when it is complete.

        Raises:
            APIError: The file cannot be downloaded.
            SavingError: The file cannot be written.
        """
        part = path.with_name(f"{path.name}.part")

        async def fetch() -> None:
            async with self._transport.transfer("GET", self._url(f"/files/{file_id}/content")) as response:
                with _written(part) as file:
                    async for piece in response.content.iter_chunked(_READ_BYTES):
                        file(piece)

        await self.patiently(fetch)
        part.replace(path)

    async def patiently(self, attempt: Callable[[], Awaitable[T]]) -> T:
        """Make an attempt, and repeat it as long as its failures may pass.

        Args:
            attempt: The attempt.

        Returns:
            Its result.

        Raises:
            APIError: The last failure.
        """
        try:
            return await attempt()
        except APIError as error:
            if not self._policy.allows(error):
                raise
            found, _ = await self._policy.again(
                attempt,
                error,
                sleep=asyncio.sleep,
                has_other_endpoint=lambda attempts: False,
                successes=lambda: 0,
            )
            return found

    async def _get(self, path: str, query: Mapping[str, object] | None = None) -> object:
        async def get() -> object:
            found, _, _ = await self._transport.send(self._url(path, query), b"")
            return found

        return await self.patiently(get)

    async def _all(self, path: str, query: Mapping[str, object]) -> AsyncIterator[Mapping[str, object]]:
        """Read a list, newest first, page by page."""
        after: object = None
        for _ in range(_MAX_PAGES):
            more = {"after": after} if after else {}
            page = _object(await self._get(path, {**query, "limit": _PAGE, **more}))
            data = page.get("data")
            items = [item for item in data if isinstance(item, Mapping)] if isinstance(data, list) else []
            for item in items:
                yield item
            if not items or not page.get("has_more"):
                return
            after = items[-1].get("id")

    def _url(self, path: str, query: Mapping[str, object] | None = None) -> str:
        url = self._endpoint.url(path)
        return url if not query else f"{url}{'&' if '?' in url else '?'}{urlencode(query)}"


def batch_words(batch: Mapping[str, object]) -> tuple[str, str]:
    """Read why a batch failed.

    Args:
        batch: The batch.

    Returns:
        The code of the first error, and the messages of all, as far as the server gives them.
    """
    errors = batch.get("errors")
    data = errors.get("data") if isinstance(errors, Mapping) else errors
    found = [item for item in data if isinstance(item, Mapping)] if isinstance(data, list) else []
    words = [
        f"line {item['line']}: {item.get('message')}" if item.get("line") else str(item.get("message"))
        for item in found[:_MAX_ERRORS]
    ]
    return (str(found[0].get("code") or "") if found else ""), "; ".join(dict.fromkeys(words))


@contextmanager
def _written(path: Path) -> Iterator[Callable[[bytes], object]]:
    """Open a file for pieces that come from a server, so that a full disk is told from a broken connection."""
    try:
        file = path.open("wb")
    except OSError as error:
        raise SavingError(f"{path} cannot be written: {error.strerror or error}.") from error

    def write(piece: bytes) -> None:
        try:
            file.write(piece)
        except OSError as error:
            raise SavingError(f"{path} cannot be written: {error.strerror or error}.") from error

    with file:
        yield write
        file.flush()
        os.fsync(file.fileno())


def _parsed(raw: bytes) -> object:
    try:
        return decode(raw)
    except (ValueError, RecursionError) as error:
        shown = raw[:300].decode("utf-8", "replace")
        raise MalformedResponse("The Batch API sent no JSON", status=200, body=shown) from error


def _object(found: object) -> Mapping[str, object]:
    if not isinstance(found, Mapping):
        raise MalformedResponse("The Batch API sent no object", status=200, body=str(found)[:300])
    return found


def _text(found: object, name: str) -> str:
    value = _object(found).get(name)
    if not isinstance(value, str) or not value:
        raise MalformedResponse(f"The Batch API sent no {name}", status=200, body=str(found)[:300])
    return value
