"""Servers that are known by one authority: ours, wherever a tunnel ends, or another's."""

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
    """Whom a server must be certified by (PEM, one or several), and as whom: "" for the name or
    address that it is asked at."""

    authority: str = field(repr=False)
    name: str = ""


class Certified(HTTPAdapter):
    """Believes that authority and no other, whatever the variables of this machine say, and wants
    the server to prove that name, whatever the address is that it is reached at."""

    def __init__(self, trust: Trust) -> None:
        self._context = ssl.create_default_context(cadata=trust.authority)
        self._name = trust.name or None
        super().__init__()

    def init_poolmanager(self, *args: Any, **more: Any) -> None:
        super().init_poolmanager(
            *args, ssl_context=self._context, server_hostname=self._name, **more
        )

    def proxy_manager_for(self, proxy: str, **more: Any) -> Any:
        return super().proxy_manager_for(proxy, ssl_context=self._context, **more)

    def send(self, *args: Any, **more: Any) -> Any:
        """Else a file that a variable names would be believed too."""
        return super().send(*args, **{**more, "verify": True})

    def cert_verify(self, *_: Any) -> None:
        """The authorities of this machine are not added."""


def unreached(error: RequestException) -> str:
    """Why there is no answer, in words."""
    if not isinstance(error, SSLError):
        return type(error).__name__
    return refused(str(error)) or "its certificate is refused: it is none that can be read"


def refused(words: str) -> str:
    """What OpenSSL says against a certificate, from an error's words; "" where it says nothing."""
    said = _VERIFY.search(words)
    return f"its certificate is refused: {said.group(1)}" if said else ""
