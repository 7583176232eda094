from __future__ import annotations

import io
import json
import sys
import threading
import time
import unittest
from typing import Any, Dict, Iterable, List, Optional, Tuple
from wsgiref.util import setup_testing_defaults

from farebox import Farebox
from farebox.exchange import Options
from farebox.wsgi import Environ, FareboxMiddleware, StartResponse

from tests.world import METER_TOKEN, Customer, client

JSON = [("Content-Type", "application/json")]


class Answered:
    def __init__(self) -> None:
        self.line = ""
        self.headers: Dict[str, str] = {}
        self.body = b""

    @property
    def status(self) -> int:
        return int(self.line.split(" ")[0])

    def start(self, line: str, headers: List[Tuple[str, str]], exc_info: Any = None) -> Any:
        self.line = line
        self.headers = {name.lower(): value for name, value in headers}
        return lambda chunk: None


def call(app: Any, method: str, path: str, key: str, body: Optional[bytes] = None, **more: str) -> Answered:
    environ: Dict[str, Any] = {"REQUEST_METHOD": method, "HTTP_AUTHORIZATION": f"Bearer {key}", **more}
    environ["PATH_INFO"], _, environ["QUERY_STRING"] = path.partition("?")
    if body is not None:
        environ.update(
            {"wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": str(len(body)), "CONTENT_TYPE": "application/json"}
        )
    setup_testing_defaults(environ)
    answered = Answered()
    result = app(environ, answered.start)
    try:
        answered.body = b"".join(result)
    finally:
        close = getattr(result, "close", None)
        if close is not None:
            close()
    return answered


class Piece(bytes):
    """Counts how often all are asked for their length."""

    asked = 0

    def __len__(self) -> int:
        Piece.asked += 1
        return super().__len__()


class WsgiTest(unittest.TestCase):
    def setUp(self) -> None:
        self.seen: List[Environ] = []

    def middleware(self, answer: Any, **options: Any) -> FareboxMiddleware:
        def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
            self.seen.append(environ)
            return answer(environ, start_response)

        return FareboxMiddleware(app, client(), **options)

    def test_a_call_is_charged_before_its_answer_and_has_the_contracts_headers(self) -> None:
        customer = Customer(20)

        def paid(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
            self.assertEqual(environ["farebox"].account, customer.id)
            self.assertEqual(environ["HTTP_X_FAREBOX_ACCOUNT"], customer.id)
            self.assertNotIn("HTTP_X_FAREBOX_ROLE", environ)
            start_response("200 Fine", JSON)
            self.assertEqual(customer.charges(), [])
            return [b'{"found":', b"true}"]

        app = self.middleware(paid)
        answered = call(app, "GET", "/paid", customer.key, HTTP_X_FAREBOX_ACCOUNT="acc_x", HTTP_X_FAREBOX_ROLE="a")
        self.assertEqual((answered.line, answered.body), ("200 Fine", b'{"found":true}'))
        self.assertEqual((answered.headers["credits-charged"], answered.headers["credits-remaining"]), ("2", "18"))
        self.assertEqual(customer.charges(), [-2])

    def test_a_handler_says_how_many_results_there_are_and_reads_the_body_that_was_priced(self) -> None:
        customer = Customer(20)

        def search(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
            size = json.loads(environ["wsgi.input"].read())["size"]
            environ["farebox"].units = size - 1
            start_response("200 OK", JSON)
            return [b"[]"]

        app = self.middleware(search)
        self.assertEqual(call(app, "POST", "/search", customer.key, b'{"size":4}').headers["credits-charged"], "3")
        refused = call(app, "POST", "/search", customer.key, b'{"size":99}')
        self.assertEqual(refused.status, 402)
        unread = call(app, "POST", "/search", customer.key, b'{"size":NaN}')
        self.assertEqual(unread.status, 415)
        self.assertEqual((len(self.seen), customer.charges()), (1, [-3]))

    def test_free_and_cost_take_the_place_of_the_price(self) -> None:
        customer = Customer(20)

        def named(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
            if environ["QUERY_STRING"] == "free":
                environ["farebox"].free()
            else:
                environ["farebox"].cost = "0.5"
            start_response("200 OK", JSON)
            return [b"{}"]

        app = self.middleware(named)
        call(app, "GET", "/paid?free", customer.key)
        call(app, "GET", "/paid", customer.key)
        self.assertEqual([str(amount) for amount in customer.charges()], ["-0.5"])
        with self.assertRaises(ValueError):
            self.seen[-1]["farebox"].units = -1
        with self.assertRaises(TypeError):
            self.seen[-1]["farebox"].cost = 0.1

    def test_who_may_not_is_refused_before_the_application_is_asked(self) -> None:
        app = self.middleware(lambda environ, start_response: [])
        self.assertEqual(call(app, "GET", "/paid", Customer(1).key).status, 402)
        unknown = call(app, "GET", "/paid", "fb_unknown", b"x" * 10)
        self.assertEqual((unknown.status, self.seen), (401, []))

    def test_an_exception_costs_nothing_and_what_was_held_is_free(self) -> None:
        customer = Customer(20)

        def broken(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
            raise KeyError("a fault of the application")

        with self.assertRaises(KeyError):
            call(self.middleware(broken), "GET", "/paid", customer.key)
        self.assertEqual(customer.charges(), [])
        self.eventually(lambda: client().release(self.hold_of_last()).refunded == 0)

    def hold_of_last(self) -> str:
        return str(self.seen[-1]["farebox"]._admitted.hold)

    def eventually(self, test: Any) -> None:
        pause = threading.Event()
        for _ in range(600):
            if test():
                return
            pause.wait(0.05)
        self.fail("it did not become true")

    def test_a_stream_is_charged_before_its_first_byte_and_given_back_when_it_breaks(self) -> None:
        customer = Customer(20)

        def stream(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
            start_response("200 OK", [("Content-Type", "text/event-stream")])
            yield b"data: 1\n\n"
            self.assertEqual(customer.charges(), [-2])
            if environ["QUERY_STRING"] == "break":
                raise OSError("gone")
            yield b"data: 2\n\n"

        app = self.middleware(stream)
        answered = call(app, "GET", "/paid", customer.key)
        self.assertEqual(answered.body, b"data: 1\n\ndata: 2\n\n")
        broken = Customer(20)
        customer = broken
        with self.assertRaises(OSError):
            call(app, "GET", "/paid?break", broken.key)
        self.eventually(lambda: broken.charges() == [-2, 2])

    def test_a_long_answer_is_not_kept_whole(self) -> None:
        customer = Customer(20)

        def long(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
            start_response("200 OK", [("Content-Type", "text/plain")])
            for _ in range(10):
                yield b"x" * 10

        app = self.middleware(long, options=Options(buffer=25))
        answered = call(app, "GET", "/paid", customer.key)
        self.assertEqual((answered.body, answered.headers["credits-charged"]), (b"x" * 100, "2"))

    def test_the_usage_object_goes_into_a_json_object_for_who_asks_and_changes_nothing_else(self) -> None:
        customer = Customer(20)
        body = b'{"n": 12345678901234567890, "n": 1 } \n'

        def answer(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
            start_response("200 OK", [*JSON, ("Content-Length", str(len(body))), ("ETag", '"1"')])
            return [body]

        app = self.middleware(answer)
        plain = call(app, "GET", "/paid", customer.key)
        self.assertEqual((plain.body, plain.headers["etag"]), (body, '"1"'))
        asked = call(app, "GET", "/paid", customer.key, HTTP_CREDIT_USAGE="true")
        self.assertTrue(asked.body.startswith(b'{"n": 12345678901234567890, "n": 1,"'), asked.body)
        self.assertEqual(asked.headers["content-length"], str(len(asked.body)))
        self.assertNotIn("etag", asked.headers)
        self.assertEqual(json.loads(asked.body)["credit_usage"], {"total_results": 1, "total_credits": 2})

    def test_a_repetition_under_an_idempotency_key_is_replayed_and_charged_once(self) -> None:
        customer = Customer(20)
        count = [0]

        def answer(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
            count[0] += 1
            start_response("200 OK", JSON)
            return [b'{"run":%d}' % count[0]]

        app = self.middleware(answer)
        first = call(app, "GET", "/paid", customer.key, HTTP_IDEMPOTENCY_KEY="k-1")
        again = call(app, "GET", "/paid", customer.key, HTTP_IDEMPOTENCY_KEY="k-1")
        self.assertEqual((first.body, again.body, count[0]), (b'{"run":1}', b'{"run":1}', 1))
        self.assertEqual((again.headers["idempotency-replayed"], customer.charges()), ("true", [-2]))

    def test_while_farebox_is_away_nothing_is_served(self) -> None:
        app = FareboxMiddleware(
            lambda environ, start_response: self.fail("it was asked"),  # type: ignore[arg-type,return-value]
            Farebox("unix:/nowhere/sidecar.sock", METER_TOKEN, patience=0),
        )
        answered = call(app, "GET", "/paid", Customer(20).key)
        self.assertEqual((answered.status, answered.headers["retry-after"]), (503, "1"))

    def test_a_path_is_priced_as_the_application_sees_it(self) -> None:
        customer = Customer(20)

        def answer(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
            start_response("200 OK", JSON)
            return [b"{}"]

        app = self.middleware(answer)
        place = "/caf\u00e9/a b".encode().decode("latin-1")
        self.assertEqual(call(app, "GET", place, customer.key).headers["credits-charged"], "4")

    def test_an_error_behind_the_head_breaks_the_answer_off_and_gives_it_back(self) -> None:
        customer = Customer(20)

        def late(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
            start_response("200 OK", [("Content-Type", "text/event-stream")])
            yield b"data: 1\n\n"
            try:
                raise KeyError("a fault of the application")
            except KeyError:
                start_response("500 Sorry", JSON, sys.exc_info())
            yield b"an error page behind a success"

        with self.assertRaises(KeyError):
            call(self.middleware(late), "GET", "/paid", customer.key)
        for _ in range(600):
            if customer.charges() == [-2, 2]:
                break
            time.sleep(0.05)
        self.assertEqual(customer.charges(), [-2, 2])

    def test_an_answer_of_many_small_pieces_is_counted_once_each(self) -> None:
        customer = Customer(20)

        def pieces(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
            start_response("200 OK", JSON)
            return [Piece(b"a")] * 3_000

        Piece.asked = 0
        self.assertEqual(len(call(self.middleware(pieces), "GET", "/paid", customer.key).body), 3_000)
        self.assertLess(Piece.asked, 10_000)

    def test_a_member_that_is_there_twice_is_not_told(self) -> None:
        customer = Customer(20)
        app = self.middleware(lambda environ, start_response: [])
        self.assertEqual(call(app, "POST", "/search", customer.key, b'{"size":1,"size":99}').status, 415)
        self.assertEqual((self.seen, customer.charges()), ([], []))


if __name__ == "__main__":
    unittest.main()
