"""Connections to a sidecar, kept between requests."""

from __future__ import annotations

import http.client
import socket
import threading
from dataclasses import dataclass
from typing import Dict, List, Optional
from urllib.parse import urlsplit

#: More than these are closed when they are idle.
_MOST_IDLE = 32


@dataclass(frozen=True)
class Response:
    status: int
    retry_after: Optional[str]
    body: bytes


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class _TcpConnection(http.client.HTTPConnection):
    def connect(self) -> None:
        super().connect()
        # A request is one small write: waiting for more costs 40 ms.
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


class Connections:
    """Each is used by one thread at a time."""

    def __init__(self, url: str, timeout: float) -> None:
        self._url = url
        self._timeout = timeout
        self._idle: List[http.client.HTTPConnection] = []
        self._lock = threading.Lock()
        # What is wrong with the address is said at once, not at the first request.
        self._open()

    def post(self, path: str, body: bytes, headers: Dict[str, str]) -> Response:
        """Raises OSError when there is no answer. It is then not known whether the request arrived."""
        kept = self._take()
        if kept is not None:
            try:
                return self._send(kept, path, body, headers)
            except (OSError, http.client.HTTPException):
                # It may have been closed while it was idle: whatever is asked here may be asked again.
                kept.close()
        fresh = self._open()
        try:
            return self._send(fresh, path, body, headers)
        except http.client.HTTPException as error:
            fresh.close()
            raise ConnectionError(f"no answer of HTTP: {error!r}") from error
        except OSError:
            fresh.close()
            raise

    def close(self) -> None:
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _send(
        self, connection: http.client.HTTPConnection, path: str, body: bytes, headers: Dict[str, str]
    ) -> Response:
        connection.request("POST", path, body, headers)
        response = connection.getresponse()
        answer = Response(response.status, response.getheader("Retry-After"), response.read())
        if response.will_close:
            connection.close()
        else:
            self._keep(connection)
        return answer

    def _take(self) -> Optional[http.client.HTTPConnection]:
        with self._lock:
            return self._idle.pop() if self._idle else None

    def _keep(self, connection: http.client.HTTPConnection) -> None:
        with self._lock:
            if len(self._idle) < _MOST_IDLE:
                self._idle.append(connection)
                return
        connection.close()

    def _open(self) -> http.client.HTTPConnection:
        if self._url.startswith("unix:"):
            return _UnixConnection(self._url[len("unix:") :], self._timeout)
        parts = urlsplit(self._url)
        if parts.scheme not in ("http", "https") or parts.hostname is None:
            raise ValueError(f"{self._url!r} is no address of a sidecar: write http://127.0.0.1:8402, or unix:/path")
        if parts.scheme == "https":
            return http.client.HTTPSConnection(parts.hostname, parts.port, timeout=self._timeout)
        return _TcpConnection(parts.hostname, parts.port, timeout=self._timeout)
