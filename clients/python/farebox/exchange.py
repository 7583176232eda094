"""One metered exchange: what the WSGI and the ASGI middleware do alike. Its methods wait; the ASGI one calls them in a thread."""

from __future__ import annotations

import json
import queue
import threading
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Dict, Iterable, List, Optional, Tuple, Union
from urllib.parse import quote

from .answers import Admitted, Answer, Charged, Free, Headers, RefusedAtTheEnd
from .call import Call
from .client import Farebox
from .errors import FareboxError, FareboxUnavailable

#: What of a path is not encoded. `%2F` has become a slash for the application, so it is one for the price.
_PATH_SAFE = "/:@!$&'()*+,;=~-._"

#: A refund is tried for so long, behind the answer that could not be charged.
_RELEASE_PATIENCE_SECONDS = 600.0


@dataclass(frozen=True)
class Options:
    """``max_body``: of a JSON request body that is read for the price. ``buffer``: of an answer that is held back whole; what is
    longer, or a stream, is charged before its first byte and given back if the application breaks off."""

    max_body: int = 1_048_576
    buffer: int = 1_048_576


@dataclass(frozen=True)
class Request:
    method: str
    #: Decoded, as the application sees it.
    path: str
    query: str
    #: Names in lower case, each once.
    headers: Dict[str, str]
    address: Optional[str]

    @property
    def target(self) -> str:
        path = quote(self.path, safe=_PATH_SAFE)
        return f"{path}?{self.query}" if self.query else path

    def wants_body(self, options: Options) -> bool:
        """Whether the body is JSON of a known length that may be read."""
        length = self.headers.get("content-length", "")
        kind = self.headers.get("content-type", "").split(";")[0].strip().lower()
        is_json = kind == "application/json" or kind.endswith("+json")
        return is_json and length.isdigit() and 0 < int(length) <= options.max_body


def join_headers(pairs: Iterable[Tuple[str, str]]) -> Dict[str, str]:
    """A name that comes twice is joined, as servers of WSGI do: a key that comes twice is then nobody's."""
    joined: Dict[str, str] = {}
    for name, value in pairs:
        lower = name.lower()
        joined[lower] = f"{joined[lower]}, {value}" if lower in joined else value
    # Nothing is priced by it, and it may be long.
    joined.pop("cookie", None)
    return joined


@dataclass(frozen=True)
class Finished:
    """What is to be sent. ``is_own`` False: it takes the place of the application's answer, and nothing of that follows."""

    answer: Answer
    is_own: bool


class Exchange:
    """From the request's head to the charge."""

    def __init__(self, client: Farebox, options: Options, request: Request) -> None:
        self._client = client
        self._options = options
        self._request = request
        self._admitted: Optional[Admitted] = None
        self._is_over = False
        self._is_abandoned = False
        self.call: Optional[Call] = None

    def begin(self, body: Optional[bytes]) -> Union[Answer, Admitted]:
        """An answer is to be sent in the place of the application's."""
        request = self._request
        told: Dict[str, Any] = {}
        value = _parse(body)
        if value is not ...:
            told["body"] = value
        try:
            decision = self._client.authorize(
                request.method, request.target, headers=request.headers, address=request.address, **told
            )
        except FareboxUnavailable:
            return _unavailable()
        if not isinstance(decision, Admitted):
            return decision.answer
        self._admitted = decision
        self.call = Call(decision)
        if self._is_abandoned:
            self.give_back("the request was cancelled")
        return decision

    def abandon(self) -> None:
        """Nobody waits for ``begin`` any more, which goes on in its thread."""
        self._is_abandoned = True
        self.give_back("the request was cancelled")

    def finish(self, status: int, headers: Headers, body: Optional[bytes]) -> Finished:
        """Charges for an answer; ``body`` None: it follows, and has no end yet."""
        admitted, call = self._admitted, self.call
        if admitted is None or call is None:
            raise RuntimeError("the exchange has not begun")
        answer = Answer(status, headers, b"" if body is None else body)
        if admitted.hold is None:
            self._is_over = True
            return Finished(_with_headers(answer, admitted.client_headers), is_own=True)
        kept = answer if body is not None and "idempotency-key" in self._request.headers else None
        try:
            settled = self._client.settle(
                admitted.hold,
                status=status,
                units=call.units,
                cost=call.cost,
                headers=self._request.headers,
                answer=kept,
            )
        except FareboxUnavailable:
            # It may have been charged. The customer does not get the answer, so it must not stay.
            self.give_back("the answer was not delivered")
            return Finished(_unavailable(), is_own=False)
        if isinstance(settled, Charged):
            answer = _with_headers(answer, admitted.client_headers, settled.headers)
            is_extended = body is not None and settled.usage is not None
            return Finished(_with_usage(answer, settled.usage or {}) if is_extended else answer, is_own=True)
        self._is_over = True
        if isinstance(settled, Free):
            return Finished(_with_headers(answer, admitted.client_headers, settled.headers), is_own=True)
        instead = settled.answer if isinstance(settled, RefusedAtTheEnd) else settled.answer or _done_before()
        return Finished(instead, is_own=False)

    def give_back(self, reason: str) -> None:
        """The answer did not come to its end: nothing is charged, or what was is refunded. Returns at once."""
        if self._is_over or self._admitted is None or self._admitted.hold is None:
            return
        self._is_over = True
        _RELEASES.put(self._client, self._admitted.hold, reason)


class _Releases:
    """Releases behind the answers. What is in it when the process ends is not charged, or stays a charge: see the guide."""

    def __init__(self) -> None:
        self._queue: "queue.Queue[Tuple[Farebox, str, str]]" = queue.Queue()
        self._lock = threading.Lock()
        self._thread: Optional[threading.Thread] = None

    def put(self, client: Farebox, hold: str, reason: str) -> None:
        self._queue.put((client, hold, reason))
        with self._lock:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="farebox-releases", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while True:
            client, hold, reason = self._queue.get()
            try:
                client.release(hold, reason=reason, patience=_RELEASE_PATIENCE_SECONDS)
            except (FareboxError, FareboxUnavailable):
                # It is over already, or ends by itself.
                continue


_RELEASES = _Releases()


def _parse(body: Optional[bytes]) -> Any:
    """The JSON value; ``...``: there is none that can be told. Farebox then refuses it where a price reads it."""
    if not body:
        return ...
    try:
        value = json.loads(body, parse_constant=_refuse_constant, object_pairs_hook=_refuse_twins)
        # What Python reads as infinite is no number of JSON.
        json.dumps(value, allow_nan=False)
        return value
    except (ValueError, RecursionError):
        return ...


def _refuse_twins(pairs: List[Tuple[str, Any]]) -> Dict[str, Any]:
    """Of two members of one name each reader takes the one that it likes."""
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member is there twice")
    return members


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


def _with_headers(answer: Answer, *more: Headers) -> Answer:
    """What is added takes the place of what the application set under the same name."""
    added: List[Tuple[str, str]] = [header for headers in more for header in headers]
    names = {name.lower() for name, _ in added}
    kept = [(name, value) for name, value in answer.headers if name.lower() not in names]
    return Answer(answer.status, kept + added, answer.body)


def _with_usage(answer: Answer, usage: Dict[str, Any]) -> Answer:
    """Puts members before the last brace, and changes no byte of the rest. An answer that is no JSON object, or has a coding, stays."""
    headers = {name.lower(): value for name, value in answer.headers}
    kind = headers.get("content-type", "").split(";")[0].strip().lower()
    text = answer.body.rstrip()
    is_object = text.lstrip().startswith(b"{") and text.endswith(b"}")
    if "content-encoding" in headers or not (kind == "application/json" or kind.endswith("+json")) or not is_object:
        return answer
    members = _render(usage)[1:-1].encode()
    inside = text[:-1].rstrip()
    comma = b"" if inside.endswith(b"{") else b","
    body = inside + comma + members + b"}"
    changed = {"content-length", "etag", "content-md5", "digest", "content-digest"}
    kept = [(name, value) for name, value in answer.headers if name.lower() not in changed]
    return Answer(answer.status, kept + [("Content-Length", str(len(body)))], body)


def _render(value: Any) -> str:
    """As JSON, and amounts digit by digit: ``json`` would make floats of them."""
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(name)}:{_render(one)}" for name, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_render, value)) + "]"
    return json.dumps(value)


def _unavailable() -> Answer:
    body = b'{"error":"Credits cannot be charged at the moment. Nothing was charged."}'
    headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body))), ("Retry-After", "1")]
    return Answer(503, headers, body)


def _done_before() -> Answer:
    body = b'{"error":"This request was done before under its Idempotency-Key, and its answer was not kept."}'
    headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
    return Answer(409, headers, body)
