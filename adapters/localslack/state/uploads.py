"""Uploaded files: bytes in the data folder, metadata in the state.

Source: https://docs.slack.dev/messaging/working-with-files#upload
"""

import mimetypes
import secrets
import time
from pathlib import Path
from urllib.parse import quote

from adapters.localslack.state import ids, private
from adapters.localslack.state.state import Json, WorkspaceState


class Uploads:
    """Receives files in three steps: make an upload URL, take the bytes, complete the upload."""

    def __init__(self, folder: Path, state: WorkspaceState) -> None:
        self._folder = folder / "files"
        self._state = state
        self._waiting: dict[str, tuple[str, str]] = {}
        self._received: dict[str, str] = {}

    def begin(self, filename: str) -> tuple[str, str]:
        """Return a file id and the ticket of its upload URL."""
        file_id, ticket = ids.fresh("F"), secrets.token_urlsafe(24)
        self._waiting[ticket] = (file_id, filename)
        return file_id, ticket

    def receive(self, ticket: str, content: bytes) -> bool:
        """Store the bytes sent to an upload URL; False when there is no such URL."""
        waiting = self._waiting.pop(ticket, None)
        if waiting is None:
            return False
        file_id, filename = waiting
        private.make_folder(self._folder)
        private.write(self._folder / file_id, content)
        self._received[file_id] = filename
        return True

    def complete(self, file_id: str, title: str | None, user: str) -> Json | None:
        """Store and return a received file; None if its bytes never came."""
        filename = self._received.pop(file_id, None)
        if filename is None:
            return None
        path = f"{self._state.base}/files/{file_id}/{quote(filename)}"
        now = int(time.time())
        file: Json = {
            "id": file_id,
            "created": now,
            "timestamp": now,
            "name": filename,
            "title": title or filename,
            "mimetype": mimetypes.guess_type(filename)[0] or "application/octet-stream",
            "filetype": Path(filename).suffix.lstrip(".") or "text",
            "user": user,
            "size": self.path(file_id).stat().st_size,
            "mode": "hosted",
            "is_external": False,
            "is_public": True,
            "url_private": path,
            "url_private_download": path,
            "permalink": path,
            "channels": [],
        }
        self._state.put_file(file)
        return file

    def path(self, file_id: str) -> Path:
        """Return the path of a file's bytes."""
        return self._folder / file_id
