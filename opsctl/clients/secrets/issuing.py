"""Pure: an environment's certificate authority, as it comes out of the root key.

Nothing is kept anywhere. The authority's key and certificate are the same for ever; a server's
certificate is a matter of its names, its key and the calendar: every RENEWED days begins a turn in
which all have the same bytes, whoever issues them, so a plan compares them like any file. Changing
anything here makes every certificate anew; tests hold known answers.

P-256, because browsers take no Ed25519; signatures without chance (RFC 6979), because two machines
must come to the same bytes.
"""

from __future__ import annotations

import hashlib
import ipaddress
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Literal

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from opsctl.clients.secrets.deriving import hkdf

DAY = 86_400
LIFE = 90 * DAY  # seconds
RENEWED = 60 * DAY  # two thirds of it: a month is left to apply in
EARLY = 3600  # seconds that a certificate counts before its turn: clocks differ
FOREVER = (datetime(2025, 1, 1, tzinfo=UTC), datetime(2049, 12, 31, tzinfo=UTC))
_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551  # of P-256
_PEM = serialization.Encoding.PEM
Use = Literal["server", "client", "both"]


def private_key(seed: bytes) -> ec.EllipticCurvePrivateKey:
    """The key that comes out of a seed: of 384 bits derived the modulus' bias is below 2**-128."""
    number = int.from_bytes(hkdf(seed, "P-256", 48), "big") % (_ORDER - 1) + 1
    return ec.derive_private_key(number, ec.SECP256R1())


def key_pem(seed: str) -> str:
    return private_key(seed.encode()).private_bytes(
        _PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()  # fmt: skip


def turn(environment: str, now: float) -> float:
    """When the turn that `now` is in began. Environments begin theirs at different times."""
    offset = int.from_bytes(hashlib.sha256(environment.encode()).digest()[:8], "big") % RENEWED
    return offset + (now - offset) // RENEWED * RENEWED


def authorities(generation: int) -> tuple[int, tuple[int, ...]]:
    """Who issues, and who is trusted, by number. A rotation goes three generations up: the next one
    is trusted too, then it issues, then the one before is trusted no more."""
    issuing = 1 + generation // 3
    return issuing, ((issuing,), (issuing, issuing + 1), (issuing - 1, issuing))[
        (generation - 1) % 3
    ]


@dataclass(frozen=True)
class Authority:
    """One authority of an environment."""

    root: bytes
    environment: str
    number: int

    @cached_property
    def key(self) -> ec.EllipticCurvePrivateKey:
        context = ["authority", self.environment, self.number]
        return private_key(hkdf(self.root, json.dumps(context, separators=(",", ":")), 32))

    @property
    def _name(self) -> x509.Name:
        common = f"opsctl {self.environment} authority {self.number}"[:64]
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])

    @cached_property
    def certificate(self) -> x509.Certificate:
        """It may issue for servers and clients, and no further authority."""
        public = self.key.public_key()
        made = (
            x509.CertificateBuilder()
            .subject_name(self._name)
            .issuer_name(self._name)
            .public_key(public)
            .serial_number(_serial(self.environment, str(self.number), _point(public)))
            .not_valid_before(FOREVER[0])
            .not_valid_after(FOREVER[1])
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(signs=True), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        )
        return _signed(made, self.key)

    @cached_property
    def pem(self) -> str:
        return self.certificate.public_bytes(_PEM).decode()

    def issue(self, seed: str, names: Sequence[str], use: Use, begins: float) -> str:
        """The certificate, in PEM, over the key of `seed` for a turn that begins then."""
        public = private_key(seed.encode()).public_key()
        called = tuple(_general(names))
        first = int(begins) - EARLY
        words = (*names, use, str(first), self.pem)
        made = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0][:64])]))
            .issuer_name(self._name)
            .public_key(public)
            .serial_number(_serial(*words, _point(public)))
            .not_valid_before(datetime.fromtimestamp(first, UTC))
            .not_valid_after(datetime.fromtimestamp(first + LIFE, UTC))
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage(_purposes(use)), critical=False)
            .add_extension(x509.SubjectAlternativeName(called), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()),
                critical=False,
            )
        )
        return _signed(made, self.key).public_bytes(_PEM).decode()


def _signed(made: x509.CertificateBuilder, key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    return made.sign(key, hashes.SHA256(), ecdsa_deterministic=True)


def _general(names: Sequence[str]) -> Iterator[x509.GeneralName]:
    for name in names:
        try:
            yield x509.IPAddress(ipaddress.ip_address(name))
        except ValueError:
            yield x509.DNSName(name)


def _point(public: ec.EllipticCurvePublicKey) -> str:
    return public.public_bytes(
        serialization.Encoding.X962, serialization.PublicFormat.CompressedPoint
    ).hex()


def _serial(*words: str) -> int:
    """Different for whatever differs, positive, and of 152 bits: 20 bytes at most are allowed."""
    return int.from_bytes(hashlib.sha256(json.dumps(words).encode()).digest()[:19], "big") | 1


def _usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs,
        crl_sign=signs,
        encipher_only=False,
        decipher_only=False,
    )


def _purposes(use: Use) -> list[x509.ObjectIdentifier]:
    server, client = ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH
    return {"server": [server], "client": [client], "both": [server, client]}[use]
