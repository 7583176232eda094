"""What goes wrong between an API and its Farebox. A customer who is refused is none of it: that is a decision."""

from __future__ import annotations

from typing import Any, List


class FareboxError(Exception):
    """Farebox said no to the API itself. ``code`` is stable; docs/reference/errors.md has them all."""

    def __init__(self, status: int, code: str, detail: str, errors: List[Any]) -> None:
        super().__init__(f"{code}: {detail}")
        #: The status of HTTP: 401, 409, 422 …
        self.status = status
        self.code = code
        self.detail = detail
        #: Of ``request_invalid``: each field that is wrong, ``{"path": …, "reason": …}``.
        self.errors = errors


class FareboxUnavailable(Exception):
    """Farebox did not answer within the client's patience. What was asked may have happened: asking the same again is safe."""
