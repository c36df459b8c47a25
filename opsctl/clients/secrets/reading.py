"""Pure: what a certificate in PEM says, whoever made it."""

from __future__ import annotations

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.x509.oid import NameOID

from opsctl.ports.secrets import Certified


def read(pem: str, authority: x509.Certificate | None, now: float) -> Certified | None:
    """None for what is no certificate. It is `ours` when `authority` signed it."""
    try:
        found = x509.load_pem_x509_certificate(pem.encode())
        names, uses = _names(found), _uses(found)
    except (ValueError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType):
        return None
    return Certified(
        names=names,
        issuer=_common(found.issuer),
        begins=found.not_valid_before_utc.timestamp(),
        ends=found.not_valid_after_utc.timestamp(),
        left=found.not_valid_after_utc.timestamp() - now,
        ours=authority is not None and _signed_by(found, authority),
        uses=uses,
    )


def _names(found: x509.Certificate) -> tuple[str, ...]:
    try:
        san = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    return tuple(str(one.value) for one in san if isinstance(one, x509.DNSName | x509.IPAddress))


def _uses(found: x509.Certificate) -> frozenset[str]:
    try:
        said = found.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return frozenset()
    return frozenset(use.dotted_string for use in said)


def _common(name: x509.Name) -> str:
    """What people know it by."""
    common = name.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(common[0].value) if common else name.rfc4514_string()


def _signed_by(found: x509.Certificate, authority: x509.Certificate) -> bool:
    try:
        found.verify_directly_issued_by(authority)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True
