"""What stands for a content: an HMAC of its SHA-256, so that a secret can't be guessed from it.

targets/hosts/fingerprints.py has the same arithmetic; a test compares the two. hashlib would load
OpenSSL, which costs every look 3 ms, so the interpreter's own SHA-256 is taken where it is known.
"""

from __future__ import annotations

from collections.abc import Mapping

try:
    from _sha2 import sha256  # type: ignore[import-not-found,unused-ignore]  # Python 3.12
except ImportError:
    try:
        from _sha256 import sha256  # type: ignore[import-not-found,unused-ignore]
    except ImportError:
        from hashlib import sha256

LENGTH = 24  # hexadecimal digits, 96 bits
BLOCK = 64  # bytes, of SHA-256
_INNER, _OUTER = (bytes(byte ^ mask for byte in range(256)) for mask in (0x36, 0x5C))


def digest(content: bytes) -> bytes:
    found: bytes = sha256(content).digest()
    return found


def of_digest(key: bytes, content_digest: bytes) -> str:
    """The fingerprint of the content that has this SHA-256: RFC 2104's HMAC, shortened."""
    key = (digest(key) if len(key) > BLOCK else key).ljust(BLOCK, b"\0")
    inner = digest(key.translate(_INNER) + content_digest)
    return digest(key.translate(_OUTER) + inner).hex()[:LENGTH]


def of_content(key: bytes, content: bytes) -> str:
    return of_digest(key, digest(content))


def of_parts(parts: Mapping[str, str]) -> str:
    """One fingerprint for several named ones: what a process was started with."""
    text = "".join(f"{name}={parts[name]}\n" for name in sorted(parts))
    return digest(text.encode()).hex()[:LENGTH]
