"""The endpoints for files, ``/v1/files``, where batches get their lines and leave their answers."""

from __future__ import annotations

import itertools
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lm_eval.errors import Refused
from lm_eval.mock_server.json_text import JsonObject
from lm_eval.mock_server.problems import refusal
from lm_eval.mock_server.profiles import Profile

if TYPE_CHECKING:
    from aiohttp import web

__all__ = ["FileRoutes", "FileStore", "StoredFile", "page_of"]

_PURPOSES = ("assistants", "batch", "evals", "fine-tune", "user_data", "vision")
_MAX_PAGE, _DEFAULT_PAGE = 100, 20


@dataclass
class StoredFile:
    """One file.

    Attributes:
        id: Its id.
        filename: The name that the upload gave.
        purpose: What the file is for; ``batch`` and ``batch_output`` belong to batches.
        content: Its bytes.
        created_at: When it was stored, in seconds since 1970.
    """

    id: str
    filename: str
    purpose: str
    content: bytes = field(repr=False)
    created_at: int = field(default_factory=lambda: int(time.time()))

    def as_json(self) -> JsonObject:
        """Write the file's description."""
        return {
            "id": self.id,
            "object": "file",
            "bytes": len(self.content),
            "created_at": self.created_at,
            "filename": self.filename,
            "purpose": self.purpose,
            "status": "processed",
        }


class FileStore:
    """The files of one server, in the order in which they were stored."""

    def __init__(self, profile: Profile) -> None:
        """Start without files.

        Args:
            profile: Decides how errors read.
        """
        self._profile = profile
        self._numbers = itertools.count(1)
        self.files: dict[str, StoredFile] = {}

    def add(self, filename: str, purpose: str, content: bytes) -> StoredFile:
        """Store a file.

        Args:
            filename: Its name.
            purpose: What it is for.
            content: Its bytes.

        Returns:
            The file, with a new id.
        """
        file = StoredFile(f"file-{next(self._numbers):06d}", filename, purpose, content)
        self.files[file.id] = file
        return file

    def get(self, name: object) -> StoredFile:
        """Find a file.

        Args:
            name: Its id.

        Returns:
            The file.

        Raises:
            Refused: There is no such file.
        """
        if name not in self.files:
            raise refusal(self._profile, 404, f"No such File object: {name}", param="id")
        return self.files[str(name)]


def page_of(items: list[JsonObject], query: Mapping[str, str]) -> JsonObject:
    """Cut one page out of a list.

    Args:
        items: All items, newest first.
        query: ``limit``, at most 100, and ``after``, the id of the last item of the page before.

    Returns:
        The list object.
    """
    ids = [item["id"] for item in items]
    start = ids.index(query["after"]) + 1 if query.get("after") in ids else 0
    limit = min(int(query.get("limit", _DEFAULT_PAGE)), _MAX_PAGE)
    page = items[start : start + limit]
    return {
        "object": "list",
        "data": page,
        "first_id": page[0]["id"] if page else None,
        "last_id": page[-1]["id"] if page else None,
        "has_more": start + limit < len(items),
    }


class FileRoutes:
    """Answers requests about files."""

    def __init__(self, store: FileStore, profile: Profile, max_bytes: int) -> None:
        """Keep the parts.

        Args:
            store: The files.
            profile: Decides how errors read.
            max_bytes: The maximum size of a file.
        """
        self._store, self._profile, self._max_bytes = store, profile, max_bytes

    async def upload(self, request: web.Request) -> JsonObject:
        """Answer ``POST /v1/files``.

        Args:
            request: A form with ``purpose`` and ``file``.

        Returns:
            The file's description.

        Raises:
            Refused: A part is missing, the purpose is unknown, or the file is too large.
        """
        if not request.content_type.startswith("multipart/"):
            raise self._invalid("The body must be multipart/form-data.", "file")
        form = await request.post()
        purpose, upload = str(form.get("purpose", "")), form.get("file")
        if purpose not in _PURPOSES:
            raise self._invalid(f"'{purpose}' is not one of {list(_PURPOSES)} - 'purpose'", "purpose")
        if upload is None or isinstance(upload, str | bytes | bytearray):
            raise self._invalid("'file' is a required property", "file")
        content = upload.file.read()
        if len(content) > self._max_bytes:
            raise self._invalid(f"The file is too large: at most {self._max_bytes} bytes.", "file")
        return self._store.add(upload.filename, purpose, content).as_json()

    def list_all(self, request: web.Request) -> JsonObject:
        """Answer ``GET /v1/files``, newest first.

        Args:
            request: May have ``purpose``, ``limit`` and ``after`` in its query.

        Returns:
            The list object.
        """
        wanted = request.query.get("purpose")
        files = [file.as_json() for file in reversed(self._store.files.values()) if wanted in (None, file.purpose)]
        return page_of(files, request.query)

    def describe(self, request: web.Request) -> JsonObject:
        """Answer ``GET /v1/files/ID``."""
        return self._store.get(request.match_info["id"]).as_json()

    def remove(self, request: web.Request) -> JsonObject:
        """Answer ``DELETE /v1/files/ID``."""
        file = self._store.get(request.match_info["id"])
        del self._store.files[file.id]
        return {"id": file.id, "object": "file", "deleted": True}

    def content(self, request: web.Request) -> bytes:
        """Answer ``GET /v1/files/ID/content``."""
        return self._store.get(request.match_info["id"]).content

    def _invalid(self, message: str, param: str) -> Refused:
        return refusal(self._profile, 400, message, param=param)
