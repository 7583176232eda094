"""Charge for your API with Farebox.

``Farebox`` asks the sidecar of a running Farebox (its guide: docs/guide/sidecar.md). ``farebox.wsgi`` and ``farebox.asgi`` do that for
every request of an application. Standard library only; amounts are ``decimal.Decimal``, never floats.
"""

from .answers import (
    Admitted,
    Answer,
    Authorized,
    Charged,
    Free,
    Quote,
    Refused,
    RefusedAtTheEnd,
    Released,
    Replayed,
    Settled,
    Superseded,
)
from .call import Call
from .client import Farebox
from .errors import FareboxError, FareboxUnavailable

__all__ = [
    "Admitted",
    "Answer",
    "Authorized",
    "Call",
    "Charged",
    "Farebox",
    "FareboxError",
    "FareboxUnavailable",
    "Free",
    "Quote",
    "Refused",
    "RefusedAtTheEnd",
    "Released",
    "Replayed",
    "Settled",
    "Superseded",
]
