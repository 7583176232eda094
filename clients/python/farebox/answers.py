"""What the sidecar answers, as types. Amounts are credits, exact to six decimals."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Dict, List, Optional, Tuple, Union

#: Name and value, in the order in which they are to be sent.
Headers = List[Tuple[str, str]]


@dataclass(frozen=True)
class Answer:
    """An answer that is to be sent to the customer as it is."""

    status: int
    headers: Headers
    body: bytes


@dataclass(frozen=True)
class Quote:
    """The most that a request can cost. It is held, unless the price is decided on the answer."""

    credit_type: str
    amount: Decimal
    units: int
    decided_on_answer: bool


@dataclass(frozen=True)
class Admitted:
    """Do the work. ``hold`` is to be settled or released; None: it costs nothing, and nothing is to be settled."""

    request_id: str
    hold: Optional[str]
    #: Seconds, after which the hold ends by itself.
    expires_in: Optional[float]
    #: None: the endpoint needs no key.
    account: Optional[str]
    key: Optional[str]
    #: The price's match, ``unpriced`` or ``open``.
    endpoint: str
    quote: Optional[Quote]
    #: For whoever does the work; what customers send under these names is to be removed.
    upstream_headers: Headers
    #: To be set on the answer.
    client_headers: Headers


@dataclass(frozen=True)
class Refused:
    """The customer may not: send ``answer``."""

    request_id: str
    code: str
    answer: Answer


@dataclass(frozen=True)
class Replayed:
    """The request was done before under its ``Idempotency-Key``: send ``answer``, and charge nothing."""

    request_id: str
    answer: Answer


Authorized = Union[Admitted, Refused, Replayed]


@dataclass(frozen=True)
class Charged:
    """The charge is committed: the answer may be sent, with ``headers``."""

    request_id: str
    #: None: it came to nothing, and there is no entry.
    charge_id: Optional[str]
    credit_type: str
    charged: Decimal
    #: What neither the hold nor the pool covered.
    uncollected: Decimal
    #: What was given back of it since.
    refunded: Decimal
    #: The pool's, when it was charged.
    balance: Decimal
    units: Decimal
    headers: Headers
    #: Members for the answer's JSON object; None: the request did not ask for them.
    usage: Optional[Dict[str, Any]]


@dataclass(frozen=True)
class Free:
    """The price does not charge such an answer."""

    request_id: str
    headers: Headers


@dataclass(frozen=True)
class RefusedAtTheEnd:
    """The price is decided on the answer, and the credits do not cover it: send ``answer`` in the place of yours."""

    request_id: str
    code: str
    answer: Answer


@dataclass(frozen=True)
class Superseded:
    """Another run of the same ``Idempotency-Key`` was faster: send its answer. None: it was not kept."""

    request_id: str
    answer: Optional[Answer]


Settled = Union[Charged, Free, RefusedAtTheEnd, Superseded]


@dataclass(frozen=True)
class Released:
    request_id: str
    #: What was given back of a hold that was charged already.
    refunded: Decimal


def read_authorized(body: Dict[str, Any]) -> Authorized:
    decision = body["decision"]
    if decision == "refused":
        return Refused(body["requestId"], body["code"], _read_text(body["answer"]))
    if decision == "replay":
        return Replayed(body["requestId"], _read_kept(body["answer"]))
    quote = body["quote"]
    return Admitted(
        request_id=body["requestId"],
        hold=body["hold"],
        expires_in=None if body["expiresIn"] is None else float(body["expiresIn"]),
        account=body["account"],
        key=body["key"],
        endpoint=body["endpoint"],
        quote=None
        if quote is None
        else Quote(quote["creditType"], Decimal(quote["amount"]), int(quote["units"]), quote["decidedOnAnswer"]),
        upstream_headers=_read_headers(body["upstreamHeaders"]),
        client_headers=_read_headers(body["clientHeaders"]),
    )


def read_settled(body: Dict[str, Any]) -> Settled:
    outcome = body["outcome"]
    if outcome == "free":
        return Free(body["requestId"], _read_headers(body["headers"]))
    if outcome == "refused":
        return RefusedAtTheEnd(body["requestId"], body["code"], _read_text(body["answer"]))
    if outcome == "superseded":
        kept = body["answer"]
        return Superseded(body["requestId"], None if kept is None else _read_kept(kept))
    return Charged(
        request_id=body["requestId"],
        charge_id=body["chargeId"],
        credit_type=body["creditType"],
        charged=Decimal(body["charged"]),
        uncollected=Decimal(body["uncollected"]),
        refunded=Decimal(body["refunded"]),
        balance=Decimal(body["balance"]),
        units=Decimal(body["units"]),
        headers=_read_headers(body["headers"]),
        usage=body["usage"],
    )


def read_released(body: Dict[str, Any]) -> Released:
    return Released(body["requestId"], Decimal(body["refunded"]))


def _read_headers(headers: List[Dict[str, str]]) -> Headers:
    return [(header["name"], header["value"]) for header in headers]


def _read_text(answer: Dict[str, Any]) -> Answer:
    return Answer(answer["status"], _read_headers(answer["headers"]), answer["body"].encode())


def _read_kept(answer: Dict[str, Any]) -> Answer:
    return Answer(answer["status"], _read_headers(answer["headers"]), base64.b64decode(answer["body"]))
