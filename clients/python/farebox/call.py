"""What a handler knows of the call that it serves, and may say of it."""

from __future__ import annotations

from decimal import Decimal
from typing import Optional, Union

from .answers import Admitted, Quote


class Call:
    """In WSGI ``environ["farebox"]``, in ASGI ``scope["farebox"]``. Say what it counted before the answer begins."""

    def __init__(self, admitted: Admitted) -> None:
        self._admitted = admitted
        self._units: Optional[int] = None
        self._cost: Union[int, str, Decimal, None] = None

    @property
    def account(self) -> Optional[str]:
        """Who pays; None: the endpoint needs no key."""
        return self._admitted.account

    @property
    def key(self) -> Optional[str]:
        """The key's id, never its text."""
        return self._admitted.key

    @property
    def request_id(self) -> str:
        return self._admitted.request_id

    @property
    def endpoint(self) -> str:
        """The price's match, ``unpriced`` or ``open``."""
        return self._admitted.endpoint

    @property
    def quote(self) -> Optional[Quote]:
        """The most that it can cost; None: it costs nothing."""
        return self._admitted.quote

    @property
    def units(self) -> Optional[int]:
        """How many results there are, for a price per result."""
        return self._units

    @units.setter
    def units(self, units: int) -> None:
        if isinstance(units, bool) or not isinstance(units, int) or units < 0:
            raise ValueError("units is a whole number, 0 or more")
        self._units = units

    @property
    def cost(self) -> Union[int, str, Decimal, None]:
        """Credits that it costs, in the place of what its price says."""
        return self._cost

    @cost.setter
    def cost(self, cost: Union[int, str, Decimal]) -> None:
        if isinstance(cost, (bool, float)):
            raise TypeError("an amount of credits is an int, a str or a Decimal: a float is not exact")
        self._cost = cost

    def free(self) -> None:
        """It costs nothing after all."""
        self._cost = 0
