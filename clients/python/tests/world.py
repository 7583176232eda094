"""The running Farebox that the tests were given, and customers at it."""

from __future__ import annotations

import atexit
import json
import os
import urllib.request
from decimal import Decimal
from typing import Any, List

from farebox import Farebox

SIDECAR = os.environ["FAREBOX_TEST_SIDECAR"]
METER_TOKEN = os.environ["FAREBOX_TEST_METER_TOKEN"]
_OPERATOR = os.environ["FAREBOX_TEST_OPERATOR"]
_OPERATOR_TOKEN = os.environ["FAREBOX_TEST_OPERATOR_TOKEN"]


def operate(method: str, path: str, body: Any = None) -> Any:
    request = urllib.request.Request(
        _OPERATOR + path,
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Authorization": f"Bearer {_OPERATOR_TOKEN}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request) as response:
        return json.loads(response.read(), parse_float=Decimal)


class Customer:
    def __init__(self, credits: int) -> None:
        self.id: str = operate("POST", "/v1/accounts", {"name": "A customer"})["id"]
        if credits > 0:
            operate("POST", f"/v1/accounts/{self.id}/grants", {"amount": credits})
        self.key: str = operate("POST", f"/v1/accounts/{self.id}/keys", {"name": "test"})["key"]

    def charges(self) -> List[Any]:
        entries = operate("GET", f"/v1/accounts/{self.id}/entries?limit=100")["entries"]
        return [entry["amount"] for entry in entries if entry["kind"] in ("charge", "refund")][::-1]


_CLIENT = Farebox(SIDECAR, METER_TOKEN)
atexit.register(_CLIENT.close)


def client() -> Farebox:
    """One for all tests, as an application has one."""
    return _CLIENT
