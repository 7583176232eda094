"""Middleware for WSGI (PEP 3333): Flask, Django, Pyramid, Falcon …

    from farebox import Farebox
    from farebox.wsgi import FareboxMiddleware

    app = FareboxMiddleware(app, Farebox("http://127.0.0.1:8402", token))

A handler finds its call as ``environ["farebox"]`` (``farebox.Call``).
"""

from __future__ import annotations

import io
from http import HTTPStatus
from typing import Any, Callable, Dict, Iterable, Iterator, List, Optional, Tuple

from .answers import Admitted, Answer
from .client import Farebox
from .exchange import Exchange, Options, Request, join_headers

Environ = Dict[str, Any]
StartResponse = Callable[..., Callable[[bytes], Any]]


class FareboxMiddleware:
    """Asks for each request whether it may be served, and holds the answer back until it is charged."""

    def __init__(
        self,
        app: Callable[[Environ, StartResponse], Iterable[bytes]],
        client: Farebox,
        *,
        options: Options = Options(),
    ) -> None:
        self._app = app
        self._client = client
        self._options = options

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        request = _read_request(environ)
        exchange = Exchange(self._client, self._options, request)
        body = _read_body(environ, request, self._options)
        decision = exchange.begin(body)
        if isinstance(decision, Answer):
            _drain(environ, body is None)
            return _send(decision, None, start_response)
        _tell(environ, decision, exchange)
        return self._run(environ, start_response, exchange)

    def _run(self, environ: Environ, start_response: StartResponse, exchange: Exchange) -> Iterator[bytes]:
        head = _Head()
        result: Optional[Iterable[bytes]] = None
        is_charged = False
        try:
            result = self._app(environ, head.start)
            chunks = iter(result)
            buffered = _read_up_to(chunks, head, self._options.buffer)
            is_whole = buffered is not None
            finished = exchange.finish(head.status, head.headers, b"".join(buffered or []) if is_whole else None)
            is_charged = True
            head.is_sent = True
            yield from _send(finished.answer, head if finished.is_own else None, start_response)
            if not is_whole and finished.is_own:
                yield from head.written
                yield from chunks
        except GeneratorExit:
            # The client has gone. Behind the charge that is no way not to pay; before it there is none.
            if not is_charged:
                exchange.give_back("the client has gone")
            raise
        except BaseException:
            exchange.give_back("the application broke off")
            raise
        finally:
            close = getattr(result, "close", None)
            if close is not None:
                close()


class _Head:
    """What the application says by ``start_response``."""

    def __init__(self) -> None:
        self.line = ""
        self.headers: List[Tuple[str, str]] = []
        self.written: List[bytes] = []
        self.is_sent = False

    def start(self, line: str, headers: List[Tuple[str, str]], exc_info: Any = None) -> Callable[[bytes], Any]:
        if self.is_sent and exc_info is not None:
            # PEP 3333: it is too late for another answer.
            raise exc_info[1].with_traceback(exc_info[2])
        if self.line and exc_info is None:
            raise AssertionError("the response was started already")
        self.line, self.headers = line, list(headers)
        return self.written.append

    @property
    def status(self) -> int:
        if not self.line:
            raise AssertionError("the application did not start a response")
        return int(self.line.split(" ", 1)[0])

    @property
    def is_stream(self) -> bool:
        kinds = [value for name, value in self.headers if name.lower() == "content-type"]
        return any(kind.lower().startswith("text/event-stream") for kind in kinds)


def _read_up_to(chunks: Iterator[bytes], head: _Head, most: int) -> Optional[List[bytes]]:
    """All chunks; None when there are more than may be kept, or it is a stream: what was read is then in ``head.written``."""
    size = 0
    counted = 0
    while True:
        # By ``write``, too.
        size += sum(map(len, head.written[counted:]))
        counted = len(head.written)
        if head.line and (head.is_stream or size > most):
            return None
        try:
            head.written.append(next(chunks))
        except StopIteration:
            return head.written


def _send(answer: Answer, head: Optional[_Head], start_response: StartResponse) -> List[bytes]:
    """``head``: the application's own, whose words for its status are kept."""
    start_response(_line(answer.status) if head is None else head.line, answer.headers)
    return [answer.body] if answer.body else []


def _line(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return f"{status} Status {status}"


def _read_request(environ: Environ) -> Request:
    headers = [
        (name[5:].replace("_", "-"), value) for name, value in environ.items() if name.startswith("HTTP_")
    ]
    for name in ("CONTENT_TYPE", "CONTENT_LENGTH"):
        if environ.get(name):
            headers.append((name.replace("_", "-"), environ[name]))
    path = environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")
    return Request(
        method=environ["REQUEST_METHOD"],
        # PEP 3333: bytes as if they were Latin-1.
        path=path.encode("latin-1").decode("utf-8", "replace") or "/",
        query=environ.get("QUERY_STRING", ""),
        headers=join_headers(headers),
        address=environ.get("REMOTE_ADDR"),
    )


def _read_body(environ: Environ, request: Request, options: Options) -> Optional[bytes]:
    if not request.wants_body(options):
        return None
    body: bytes = environ["wsgi.input"].read(int(request.headers["content-length"]))
    environ["wsgi.input"] = io.BytesIO(body)
    return body


def _drain(environ: Environ, is_unread: bool) -> None:
    """A body that nobody reads makes some servers cut the answer off."""
    length = environ.get("CONTENT_LENGTH", "")
    if is_unread and length.isdigit() and int(length) <= 262_144:
        environ["wsgi.input"].read(int(length))


def _tell(environ: Environ, admitted: Admitted, exchange: Exchange) -> None:
    for name in [name for name in environ if name.startswith("HTTP_X_FAREBOX_")]:
        del environ[name]
    for name, value in admitted.upstream_headers:
        environ["HTTP_" + name.upper().replace("-", "_")] = value
    environ["farebox"] = exchange.call
