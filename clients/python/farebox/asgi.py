"""Middleware for ASGI 3: FastAPI, Starlette, Django, Quart …

    from farebox import Farebox
    from farebox.asgi import FareboxMiddleware

    app = FareboxMiddleware(app, Farebox("http://127.0.0.1:8402", token))

A handler finds its call as ``scope["farebox"]`` (``farebox.Call``). WebSockets and the lifespan pass by: they are not charged.
"""

from __future__ import annotations

import asyncio
from typing import Any, Awaitable, Callable, Dict, List, Optional, Tuple

from .answers import Admitted, Answer
from .client import Farebox
from .exchange import Exchange, Options, Request, join_headers

Scope = Dict[str, Any]
Message = Dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class FareboxMiddleware:
    """Asks for each request whether it may be served, and holds the answer back until it is charged."""

    def __init__(
        self,
        app: Callable[[Scope, Receive, Send], Awaitable[None]],
        client: Farebox,
        *,
        options: Options = Options(),
    ) -> None:
        self._app = app
        self._client = client
        self._options = options

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = _read_request(scope)
        exchange = Exchange(self._client, self._options, request)
        body = None
        if request.wants_body(self._options):
            body = await _read_body(receive, self._options.max_body)
            if body is None:
                return
            receive = _again(body, receive)
        # The client waits for its socket: another thread does, not the loop.
        try:
            decision = await asyncio.to_thread(exchange.begin, body)
        except BaseException:
            exchange.abandon()
            raise
        if isinstance(decision, Answer):
            await _send_answer(send, decision)
            return
        delivery = _Delivery(exchange, send, self._options.buffer)
        try:
            await self._app(_tell(scope, decision, exchange), receive, delivery.take)
            delivery.ended()
        except BaseException:
            exchange.give_back("the application broke off")
            raise


class _Delivery:
    """Holds the application's answer back until it is charged, or begins with what it has when that is enough."""

    def __init__(self, exchange: Exchange, send: Send, most: int) -> None:
        self._exchange = exchange
        self._send = send
        self._most = most
        self._start: Optional[Message] = None
        self._chunks: List[bytes] = []
        self._size = 0
        self._is_sent = False
        self._is_over = False

    async def take(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._start = message
            return
        if message["type"] != "http.response.body":
            # Of an extension, and the application was told that there is none.
            return
        if self._is_over:
            return
        more = bool(message.get("more_body", False))
        if self._is_sent:
            self._is_over = not more
            await self._send(message)
            return
        chunk = bytes(message.get("body", b""))
        self._chunks.append(chunk)
        self._size += len(chunk)
        if not more:
            await self._finish(is_whole=True)
        elif self._is_stream or self._size > self._most:
            await self._finish(is_whole=False)

    def ended(self) -> None:
        if not self._is_over:
            raise RuntimeError("the application ended before its answer did")

    @property
    def _is_stream(self) -> bool:
        kinds = [value for name, value in _headers_of(self._start) if name.lower() == "content-type"]
        return any(kind.lower().startswith("text/event-stream") for kind in kinds)

    async def _finish(self, is_whole: bool) -> None:
        if self._start is None:
            raise RuntimeError("the application did not start a response")
        body = b"".join(self._chunks)
        status, headers = int(self._start["status"]), _headers_of(self._start)
        finished = await asyncio.to_thread(self._exchange.finish, status, headers, body if is_whole else None)
        self._is_sent = True
        if is_whole or not finished.is_own:
            self._is_over = True
            await _send_answer(self._send, finished.answer)
            return
        await self._send(_start(finished.answer))
        await self._send({"type": "http.response.body", "body": body, "more_body": True})


def _headers_of(message: Optional[Message]) -> List[Tuple[str, str]]:
    pairs = [] if message is None else message.get("headers", [])
    return [(bytes(name).decode("latin-1"), bytes(value).decode("latin-1")) for name, value in pairs]


def _start(answer: Answer) -> Message:
    headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in answer.headers]
    return {"type": "http.response.start", "status": answer.status, "headers": headers}


async def _send_answer(send: Send, answer: Answer) -> None:
    await send(_start(answer))
    await send({"type": "http.response.body", "body": answer.body, "more_body": False})


def _read_request(scope: Scope) -> Request:
    pairs = [(bytes(name).decode("latin-1"), bytes(value).decode("latin-1")) for name, value in scope["headers"]]
    client = scope.get("client")
    return Request(
        method=scope["method"],
        path=scope["path"] or "/",
        query=bytes(scope.get("query_string", b"")).decode("latin-1"),
        headers=join_headers(pairs),
        address=None if client is None else client[0],
    )


async def _read_body(receive: Receive, most: int) -> Optional[bytes]:
    """None: the client has gone, or sends more than it said."""
    body = b""
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        body += bytes(message.get("body", b""))
        if len(body) > most:
            return None
        if not message.get("more_body", False):
            return body


def _again(body: bytes, receive: Receive) -> Receive:
    """Gives the body that was read, then goes on with what the server has."""
    left: List[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def give() -> Message:
        return left.pop() if left else await receive()

    return give


def _tell(scope: Scope, admitted: Admitted, exchange: Exchange) -> Scope:
    told = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in admitted.upstream_headers]
    names = {name for name, _ in told}
    kept = [
        (name, value)
        for name, value in scope["headers"]
        if bytes(name).lower() not in names and not bytes(name).lower().startswith(b"x-farebox-")
    ]
    # A file that the server sends by itself, a head before the head: nothing of an answer may go past what is charged.
    extensions = {
        name: value for name, value in (scope.get("extensions") or {}).items() if not name.startswith("http.response.")
    }
    return {**scope, "headers": kept + told, "extensions": extensions, "farebox": exchange.call}
