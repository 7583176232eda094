"""The sidecar's operations; docs/guide/sidecar.md tells what each does."""

from __future__ import annotations

import base64
import json
import time
import uuid
from decimal import Decimal
from typing import Any, Dict, Mapping, Optional, Union

from .answers import (
    Answer,
    Authorized,
    Released,
    Settled,
    read_authorized,
    read_released,
    read_settled,
)
from .connections import Connections, Response
from .errors import FareboxError, FareboxUnavailable

Amount = Union[int, str, Decimal]

#: Between two tries, where Farebox does not say.
_PAUSE_SECONDS = 0.1
#: What is held for longer is held in the database.
_LONGEST_SHORT_SECONDS = 900
_LONGEST_PAUSE_SECONDS = 5.0


class Farebox:
    """Asks one sidecar. One for the whole process: it is safe in threads, and keeps its connections.

    ``url``: ``http://127.0.0.1:8402``, or ``unix:/run/farebox/sidecar.sock``. ``token``: one with the role ``meter``.

    Every operation has one effect however often it is asked, so it is asked again while Farebox is away, for ``patience`` seconds
    in all; then ``FareboxUnavailable`` is raised. ``timeout`` is for one try, in seconds.
    """

    def __init__(self, url: str, token: str, *, timeout: float = 10.0, patience: float = 10.0) -> None:
        self._connections = Connections(url, timeout)
        self._token = token
        self._patience = patience

    def authorize(
        self,
        method: str,
        path: str,
        *,
        headers: Optional[Mapping[str, str]] = None,
        key: Optional[str] = None,
        body: Any = ...,
        address: Optional[str] = None,
        max: Optional[Amount] = None,
        ttl: Optional[int] = None,
        long: Optional[bool] = None,
        id: Optional[str] = None,
        patience: Optional[float] = None,
    ) -> Authorized:
        """Whether a customer's request may be served; holds what it can cost.

        ``path`` with its query, as the customer sent it. ``body``: the JSON value, where prices read it; left out: not told. Without
        ``key`` it is read from headers and query, as the contract says. ``id``: yours, by which the same request again is the
        same hold; left out: one is made for this call. ``ttl`` is in seconds; above 900, at most 86400, or with ``long``, the hold is one
        for a job of hours: it outlives every process, and is settled in parts. Give it an ``id`` of yours, by which you find it again.
        """
        if id is None and (long or (ttl is not None and ttl > _LONGEST_SHORT_SECONDS)):
            raise ValueError("a hold for a job of hours needs an id of yours: by it you find it again after a crash")
        asked: Dict[str, Any] = {"id": id or str(uuid.uuid4()), "method": method, "path": path}
        if headers is not None:
            asked["headers"] = dict(headers)
        if body is not ...:
            asked["body"] = body
        _add(asked, key=key, address=address, max=_amount(max), ttl=ttl, long=long)
        return read_authorized(self._ask("/v1/authorize", asked, patience))

    def settle(
        self,
        hold: str,
        *,
        status: int = 200,
        units: Optional[int] = None,
        cost: Optional[Amount] = None,
        part: Optional[str] = None,
        headers: Optional[Mapping[str, str]] = None,
        answer: Optional[Answer] = None,
        patience: Optional[float] = None,
    ) -> Settled:
        """Charges, before the answer's first byte is sent. ``headers``: the request's, which may ask for the usage object.
        ``answer``: yours, kept for whoever repeats the request under its ``Idempotency-Key``. ``part``: your name of a part of a long
        hold, which is charged once; the rest stays held until a settlement without one, or a release, ends it."""
        asked: Dict[str, Any] = {"hold": hold, "status": status}
        if headers is not None:
            asked["headers"] = dict(headers)
        if answer is not None:
            asked["answer"] = {
                "headers": [{"name": name, "value": value} for name, value in answer.headers],
                "body": base64.b64encode(answer.body).decode("ascii"),
            }
        _add(asked, units=units, cost=_amount(cost), part=part)
        return read_settled(self._ask("/v1/settle", asked, patience))

    def release(
        self, hold: str, *, reason: Optional[str] = None, patience: Optional[float] = None
    ) -> Released:
        """Ends a hold of a request that failed; one that was charged already is refunded. What parts of a long hold were charged stays."""
        asked: Dict[str, Any] = {"hold": hold}
        _add(asked, reason=reason)
        return read_released(self._ask("/v1/release", asked, patience))

    def extend(self, hold: str, ttl: int, *, patience: Optional[float] = None) -> float:
        """Holds for ``ttl`` seconds from now on; returns how many that is."""
        return float(self._ask("/v1/extend", {"hold": hold, "ttl": ttl}, patience)["expiresIn"])

    def close(self) -> None:
        """Closes idle connections. The client can be used again."""
        self._connections.close()

    def _ask(self, path: str, asked: Dict[str, Any], patience: Optional[float]) -> Dict[str, Any]:
        payload = json.dumps(asked, allow_nan=False, separators=(",", ":")).encode()
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        end = time.monotonic() + (self._patience if patience is None else patience)
        pause = _PAUSE_SECONDS
        while True:
            try:
                response = self._connections.post(path, payload, headers)
            except OSError as error:
                reason, wait = str(error), pause
            else:
                if response.status == 200:
                    # Never by way of a float: 0.1 is a tenth.
                    return _as_object(json.loads(response.body, parse_float=Decimal))
                problem = _read_problem(response)
                if response.status != 503:
                    raise problem
                reason, wait = str(problem), _seconds(response.retry_after, pause)
            if time.monotonic() + wait > end:
                raise FareboxUnavailable(f"{path}: {reason}")
            time.sleep(wait)
            pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)


def _add(asked: Dict[str, Any], **members: Any) -> None:
    asked.update({name: value for name, value in members.items() if value is not None})


def _amount(amount: Optional[Amount]) -> Union[int, str, None]:
    if isinstance(amount, float):
        raise TypeError("an amount of credits is an int, a str or a Decimal: a float is not exact")
    return f"{amount:f}" if isinstance(amount, Decimal) else amount


def _as_object(value: Any) -> Dict[str, Any]:
    if not isinstance(value, dict):
        raise FareboxUnavailable("what answered is no Farebox: its body is no JSON object")
    return value


def _read_problem(response: Response) -> FareboxError:
    try:
        body = _as_object(json.loads(response.body))
        return FareboxError(response.status, body["code"], body["detail"], body.get("errors", []))
    except (ValueError, KeyError, FareboxUnavailable):
        text = response.body[:200].decode("utf-8", "replace")
        return FareboxError(response.status, "unknown", f"HTTP {response.status}: {text}", [])


def _seconds(retry_after: Optional[str], otherwise: float) -> float:
    try:
        return min(float(retry_after or otherwise), _LONGEST_PAUSE_SECONDS)
    except ValueError:
        return otherwise
