"""Servers that are known by an authority of our own, wherever a tunnel ends."""

from __future__ import annotations

import re
import ssl
from dataclasses import dataclass, field
from typing import Any

from requests.adapters import HTTPAdapter
from requests.exceptions import RequestException, SSLError

_VERIFY = re.compile(r"certificate verify failed: ([^(]+?)\.? \(")


@dataclass(frozen=True, slots=True)
class Trust:
    """Whom a server must be certified by (PEM, one or several), and as whom."""

    authority: str = field(repr=False)
    name: str


class Certified(HTTPAdapter):
    """Believes that authority and no other, and wants the server to prove that name, whatever the
    address is that it is reached at."""

    def __init__(self, trust: Trust) -> None:
        self._context = ssl.create_default_context(cadata=trust.authority)
        self._name = trust.name
        super().__init__()

    def init_poolmanager(self, *args: Any, **more: Any) -> None:
        super().init_poolmanager(
            *args, ssl_context=self._context, server_hostname=self._name, **more
        )

    def cert_verify(self, *_: Any) -> None:
        """The authorities of this machine are not added."""


def unreached(error: RequestException) -> str:
    """Why there is no answer, in words."""
    if not isinstance(error, SSLError):
        return type(error).__name__
    said = _VERIFY.search(str(error))
    words = said.group(1) if said else "it is none that can be read"
    return f"its certificate is refused: {words}"
