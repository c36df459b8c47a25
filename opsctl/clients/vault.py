"""The ansible-vault format, 1.1 and 1.2 with AES256: what `ansible-vault view` and `edit` open.

Written with `cryptography` alone: importing ansible.parsing.vault takes 230-300 ms on a machine
where importing the cipher takes 5-12 ms and deriving the keys 7.5 ms (the format asks for 10,000
rounds of PBKDF2). From nothing to a root key, imports and all, are 37 ms.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
from binascii import Error, hexlify, unhexlify
from dataclasses import dataclass

from opsctl.errors import Exit, OpsError

_HEADER = "$ANSIBLE_VAULT;1.1;AES256"
_READABLE = re.compile(r"\$ANSIBLE_VAULT;(1\.1;AES256|1\.2;AES256;[^;]+)")
_ROUNDS = 10_000
_SALT = 32  # bytes
_BLOCK = 16  # bytes of an AES block
_WIDTH = 80  # characters of a line


def encrypt(content: bytes, password: bytes) -> str:
    """`content` as the text of a vault file, with a salt of its own."""
    salt = os.urandom(_SALT)
    keys = _derive(password, salt)
    padding = _BLOCK - len(content) % _BLOCK
    sealed = _apply_cipher(keys, content + bytes([padding]) * padding)
    body = hexlify(b"\n".join(hexlify(part) for part in (salt, _seal(keys, sealed), sealed)))
    text = body.decode()
    lines = [text[start : start + _WIDTH] for start in range(0, len(text), _WIDTH)]
    return "\n".join([_HEADER, *lines, ""])


def decrypt(text: str, password: bytes, where: str) -> bytes:
    """The content of a vault file.

    Raises OpsError: secrets/damaged (no vault file, or a cut one), secrets/wrong-password (the
    format can't tell a wrong password from changed bytes).
    """
    salt, seal, sealed = _parts(text, where)
    keys = _derive(password, salt)
    if not hmac.compare_digest(_seal(keys, sealed), seal):
        raise OpsError(
            "secrets/wrong-password",
            "the password does not open this file (or the file was changed by other means)",
            where=where,
            exit=Exit.REFUSED,
        )
    padded = _apply_cipher(keys, sealed)
    return padded[: -padded[-1]]


@dataclass(frozen=True, slots=True, repr=False)
class _Keys:
    cipher: bytes
    seal: bytes
    counter: bytes


def _derive(password: bytes, salt: bytes) -> _Keys:
    derived = hashlib.pbkdf2_hmac("sha256", password, salt, _ROUNDS, 80)
    return _Keys(derived[:32], derived[32:64], derived[64:])


def _seal(keys: _Keys, sealed: bytes) -> bytes:
    return hmac.digest(keys.seal, sealed, "sha256")


def _apply_cipher(keys: _Keys, content: bytes) -> bytes:
    """AES in counter mode, which is its own inverse."""
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    context = Cipher(algorithms.AES(keys.cipher), modes.CTR(keys.counter)).encryptor()
    return context.update(content) + context.finalize()


def _parts(text: str, where: str) -> tuple[bytes, bytes, bytes]:
    """Salt, seal and sealed content."""
    header, *lines = [line.strip() for line in text.strip().splitlines()] or [""]
    if not _READABLE.fullmatch(header):
        raise _damaged(where, "does not begin as an ansible-vault file of AES256")
    try:
        salt, seal, sealed = (unhexlify(part) for part in unhexlify("".join(lines)).split(b"\n"))
    except (Error, ValueError):
        raise _damaged(where, "is cut or changed: not the lines ansible-vault writes") from None
    if not sealed or len(sealed) % _BLOCK:
        raise _damaged(where, "is cut: its content is no whole number of blocks")
    return salt, seal, sealed


def _damaged(where: str, what: str) -> OpsError:
    return OpsError(
        "secrets/damaged",
        f"this file {what}",
        where=where,
        hint="restore it from version control; a conflict of two versions can't be merged by hand",
        exit=Exit.REFUSED,
    )
