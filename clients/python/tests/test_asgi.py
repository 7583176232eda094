from __future__ import annotations

import asyncio
import json
import threading
import unittest
from typing import Any, Dict, List, Optional, cast

from farebox.asgi import FareboxMiddleware, Message, Receive, Scope, Send

from tests.world import Customer, client

JSON = [(b"content-type", b"application/json")]


class Answered:
    def __init__(self, messages: List[Message]) -> None:
        start = next(message for message in messages if message["type"] == "http.response.start")
        self.status: int = start["status"]
        self.headers: Dict[str, str] = {name.decode(): value.decode() for name, value in start["headers"]}
        bodies = [message for message in messages if message["type"] == "http.response.body"]
        self.body = b"".join(message.get("body", b"") for message in bodies)
        self.is_complete = not bodies[-1].get("more_body", False)


async def call(
    app: Any,
    method: str,
    path: str,
    key: str,
    body: bytes = b"",
    extensions: Optional[Dict[str, Any]] = None,
    **headers: str,
) -> Answered:
    pairs = [(b"authorization", f"Bearer {key}".encode())]
    pairs += [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    if body:
        pairs += [*JSON, (b"content-length", str(len(body)).encode())]
    plain, _, query = path.partition("?")
    scope = {
        "type": "http",
        "method": method,
        "path": plain,
        "query_string": query.encode(),
        "headers": pairs,
        "client": ("127.0.0.1", 1),
        "extensions": extensions,
    }
    chunks = [body[:3], body[3:]] if body else [b""]
    sent: List[Message] = []

    async def receive() -> Message:
        chunk = chunks.pop(0)
        return {"type": "http.request", "body": chunk, "more_body": len(chunks) > 0}

    async def send(message: Message) -> None:
        sent.append(message)

    await app(scope, receive, send)
    return Answered(sent)


async def read(receive: Receive) -> bytes:
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body", False):
            return body


async def answer(send: Send, *bodies: bytes, kind: bytes = b"application/json", status: int = 200) -> None:
    await send({"type": "http.response.start", "status": status, "headers": [(b"content-type", kind)]})
    for index, body in enumerate(bodies):
        await send({"type": "http.response.body", "body": body, "more_body": index < len(bodies) - 1})


class AsgiTest(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self) -> None:
        # The tests themselves ask the operator API, which is no fault of the middleware.
        asyncio.get_running_loop().slow_callback_duration = 600

    async def test_a_call_is_charged_before_its_answer_and_its_handler_says_what_it_counted(self) -> None:
        customer = Customer(20)

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            size = json.loads(await read(receive))["size"]
            scope["farebox"].units = size - 1
            self.assertIn((b"x-farebox-account", customer.id.encode()), scope["headers"])
            self.assertNotIn(b"forged", [value for _, value in scope["headers"]])
            await answer(send, b"[", b"]")

        charged = FareboxMiddleware(app, client())
        answered = await call(charged, "POST", "/search", customer.key, b'{"size":4}', x_farebox_account="forged")
        self.assertEqual((answered.status, answered.body, answered.headers["credits-charged"]), (200, b"[]", "3"))
        self.assertEqual(customer.charges(), [-3])

    async def test_who_may_not_is_refused_and_many_at_once_never_pay_more_than_there_is(self) -> None:
        customer = Customer(7)
        served = [0]

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            served[0] += 1
            await answer(send, b"{}")

        charged = FareboxMiddleware(app, client())
        answers = await asyncio.gather(*(call(charged, "GET", "/paid", customer.key) for _ in range(12)))
        self.assertEqual(sorted(one.status for one in answers), [200] * 3 + [402] * 9)
        self.assertEqual((served[0], customer.charges()), (3, [-2, -2, -2]))

    async def test_an_exception_costs_nothing_and_a_stream_that_breaks_is_given_back(self) -> None:
        customer = Customer(20)

        async def broken(scope: Scope, receive: Receive, send: Send) -> None:
            raise KeyError("a fault of the application")

        with self.assertRaises(KeyError):
            await call(FareboxMiddleware(broken, client()), "GET", "/paid", customer.key)
        self.assertEqual(customer.charges(), [])

        async def stream(scope: Scope, receive: Receive, send: Send) -> None:
            start = {"type": "http.response.start", "status": 200}
            await send({**start, "headers": [(b"content-type", b"text/event-stream")]})
            await send({"type": "http.response.body", "body": b"data: 1\n\n", "more_body": True})
            self.assertEqual(customer.charges(), [-2])
            raise OSError("gone")

        with self.assertRaises(OSError):
            await call(FareboxMiddleware(stream, client()), "GET", "/paid", customer.key)
        for _ in range(600):
            if customer.charges() == [-2, 2]:
                break
            await asyncio.sleep(0.05)
        self.assertEqual(customer.charges(), [-2, 2])

    async def test_an_application_that_ends_before_its_answer_is_charged_nothing(self) -> None:
        customer = Customer(20)

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            await send({"type": "http.response.start", "status": 200, "headers": []})

        with self.assertRaises(RuntimeError):
            await call(FareboxMiddleware(app, client()), "GET", "/paid", customer.key)
        self.assertEqual(customer.charges(), [])

    async def test_the_usage_object_goes_into_the_body_of_who_asks(self) -> None:
        customer = Customer(20)

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            await answer(send, b'{"found":', b"true}")

        answered = await call(FareboxMiddleware(app, client()), "GET", "/paid", customer.key, credit_usage="true")
        self.assertEqual(json.loads(answered.body)["credit_usage"], {"total_results": 1, "total_credits": 2})
        self.assertTrue(answered.is_complete)

    async def test_the_lifespan_and_websockets_pass_by(self) -> None:
        seen: List[str] = []

        async def app(scope: Scope, receive: Any, send: Any) -> None:
            seen.append(scope["type"])

        charged = FareboxMiddleware(app, client())
        nothing: Optional[Any] = None
        for kind in ("lifespan", "websocket"):
            await charged({"type": kind}, nothing, nothing)  # type: ignore[arg-type]
        self.assertEqual(seen, ["lifespan", "websocket"])

    async def test_a_request_that_is_cancelled_while_it_is_asked_about_holds_nothing(self) -> None:
        customer = Customer(2)
        asking = threading.Event()
        going = threading.Event()
        answered = threading.Event()
        farebox = client()

        class Slow:
            """A Farebox whose answer comes when nobody waits for it any more."""

            def __getattr__(self, name: str) -> Any:
                return getattr(farebox, name)

            def authorize(self, *args: Any, **told: Any) -> Any:
                asking.set()
                going.wait()
                try:
                    return farebox.authorize(*args, **told)
                finally:
                    answered.set()

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            await answer(send, b"{}")

        task = asyncio.create_task(call(FareboxMiddleware(app, cast(Any, Slow())), "GET", "/paid", customer.key))
        await asyncio.to_thread(asking.wait)
        task.cancel()
        with self.assertRaises(asyncio.CancelledError):
            await task
        going.set()
        await asyncio.to_thread(answered.wait)
        charged = FareboxMiddleware(app, farebox)
        for _ in range(600):
            if (await call(charged, "GET", "/paid", customer.key)).status == 200:
                break
            await asyncio.sleep(0.05)
        self.assertEqual(customer.charges(), [-2])

    async def test_nothing_of_an_answer_goes_past_the_charge_by_an_extension_of_the_server(self) -> None:
        customer = Customer(20)
        seen: List[Any] = []

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            seen.append(scope["extensions"])
            await send({"type": "http.response.early_hint", "links": []})
            await answer(send, b"{}")

        extensions = {"http.response.pathsend": {}, "http.response.early_hint": {}, "tls": {"server_cert": None}}
        answered = await call(FareboxMiddleware(app, client()), "GET", "/paid", customer.key, extensions=extensions)
        self.assertEqual((answered.status, seen), (200, [{"tls": {"server_cert": None}}]))
        self.assertEqual(customer.charges(), [-2])


if __name__ == "__main__":
    unittest.main()
