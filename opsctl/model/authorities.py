"""By whom a server that others run is certified, where machines do not know that authority."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, Self, TypeVar

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

from opsctl.model.base import PLAIN_SECRET, problem

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

PEM = "-----BEGIN "  # how everything in that form begins


class Authority(str):
    """Certificates in PEM and nothing beside them: one of these must have certified the server.

    What is written is the name of a file, or PEM; loading a spec puts the file's text in its place.
    """

    __slots__ = ()

    @classmethod
    def read(cls, text: str) -> Self:
        """Refuses what is no certificate, a private key, and the certificate of a server."""
        if "PRIVATE KEY-----" in text:
            raise problem(
                PLAIN_SECRET,
                "a private key stands here",
                hint="name a file that holds the authority's certificate alone",
            )
        found = certificates(text)
        for one in found:
            _check_certifies(one)
        return cls("".join(_pem(one) for one in found))

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: object, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.no_info_after_validator_function(cls.read, core_schema.str_schema())


def certificates(text: str) -> list[Certificate]:
    """Those in a text; refuses one that has none."""
    from cryptography import x509

    try:
        return x509.load_pem_x509_certificates(text.encode())
    except ValueError:
        raise problem(
            "spec/value",
            "there is no certificate in PEM form here",
            hint=f'it begins with "{PEM}CERTIFICATE-----"; `openssl x509 -inform der -in FILE` '
            "makes it of the other form",
        ) from None


def _check_certifies(one: Certificate) -> None:
    """One that somebody else has made, and that may make none itself, is a server's. A server that
    certifies itself is its own authority."""
    from cryptography import x509

    try:
        certifies = one.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        certifies = False
    if not certifies and one.issuer != one.subject:
        issuer = one.issuer.rfc4514_string()
        raise problem(
            "spec/value",
            f"{one.subject.rfc4514_string()} is no authority: {issuer} has certified it",
            hint=f"name a file with the certificate of {issuer}",
        )


def _pem(one: Certificate) -> str:
    from cryptography.hazmat.primitives.serialization import Encoding

    return one.public_bytes(Encoding.PEM).decode()


class _Server(Protocol):
    @property
    def url(self) -> str | None: ...

    @property
    def ca(self) -> Authority | None: ...


_S = TypeVar("_S", bound=_Server)


def over_tls(server: _S) -> _S:
    """Refuses an authority for a server that proves nothing."""
    if server.ca and server.url and not server.url.startswith("https://"):
        raise problem(
            "spec/value",
            '"ca" means nothing here: without https the server does not prove who it is',
            hint='write https:// in "url", or remove "ca"',
            keys=("ca",),
        )
    return server
