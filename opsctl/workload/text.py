"""Text with holes: secrets, addresses and host-side files that only a target can fill in.

A template is rendered with the reference objects themselves as values. Each prints as a token in
the private-use area of Unicode, which no configuration file uses; `Text.parse` finds the tokens
again. So templates stay plain Jinja2, and a secret's value never passes through an engine.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Literal, get_args

_OPEN, _SEPARATOR, _CLOSE = "\ue000", "\ue001", "\ue002"
_TOKEN = re.compile(f"{_OPEN}([^{_CLOSE}]*){_CLOSE}")


def _token(*words: str) -> str:
    return _OPEN + _SEPARATOR.join(words) + _CLOSE


Form = Literal["plain", "sha256", "bcrypt", "key"]
AUTHORITY = "authority"  # the derived secret whose generation says where its rotation stands
_FORMS: Mapping[str, Form] = {form: form for form in get_args(Form)}


@dataclass(frozen=True, slots=True)
class SecretRef:
    """A secret by name. `form` sha256 is its hexadecimal digest and bcrypt the hash of that name
    ("$2b$..."), always the same for one value: password files want them; key is the private key
    (P-256, PEM) that comes out of it.

    A `given` secret was handed over by a person and comes from the backend; the others are derived
    from the environment's root key.
    """

    name: str
    form: Form = "plain"
    given: bool = False

    def __str__(self) -> str:
        return _token("secret", self.name, self.form, "given" if self.given else "derived")


@dataclass(frozen=True, slots=True)
class AddressRef:
    """Where other members reach a member.

    `form` ip asks for a literal address, for servers that store what they are told. The member ""
    is the one that has the file: members near clients share their files.
    """

    member: str
    form: Literal["name", "ip"] = "name"

    def __str__(self) -> str:
        return _token("address", self.member, self.form)


@dataclass(frozen=True, slots=True)
class FileRef:
    """The content of a file beside the member, less its last newline, read there when used.

    With it a query carries its credentials without the caller knowing them.
    """

    path: str

    def __str__(self) -> str:
        return _token("file", self.path)


@dataclass(frozen=True, slots=True)
class CertRef:
    """What the environment's own authority gives out; none of it is secret.

    certificate: the one over the key of the secret `name`, with these names, in PEM. authority: the
    certificates of the authority itself, all that are trusted now. end: when the certificate of
    that name ends, in seconds since the epoch.
    """

    name: str = AUTHORITY
    what: Literal["certificate", "authority", "end"] = "authority"
    names: tuple[str | AddressRef, ...] = ()
    use: Literal["server", "client", "both"] = "server"

    def called(self, address: Callable[[AddressRef], str]) -> CertRef:
        """With its names as they are at a target, each once."""
        said = (one if isinstance(one, str) else address(one) for one in self.names)
        return replace(self, names=tuple(dict.fromkeys(said)))


Ref = SecretRef | AddressRef | FileRef | CertRef
Part = str | Ref


@dataclass(frozen=True, slots=True)
class Text:
    """A sequence of plain strings and references."""

    parts: tuple[Part, ...] = ()

    @classmethod
    def parse(cls, rendered: str) -> Text:
        """The Text whose tokens stand in `rendered`."""
        parts: list[Part] = []
        for index, piece in enumerate(_TOKEN.split(rendered)):
            if index % 2:
                parts.append(_reference(piece))
            elif piece:
                parts.append(piece)
        return cls(tuple(parts))

    @property
    def secrets(self) -> tuple[SecretRef, ...]:
        return tuple(part for part in self.parts if isinstance(part, SecretRef))

    @property
    def derived(self) -> tuple[SecretRef | CertRef, ...]:
        """What can be filled in only where secrets are known."""
        return tuple(part for part in self.parts if isinstance(part, SecretRef | CertRef))

    def fill(self, value: Callable[[Ref], str]) -> str:
        """The string with every reference replaced by what `value` gives for it."""
        return "".join(part if isinstance(part, str) else value(part) for part in self.parts)

    def masked(self, address: Callable[[AddressRef], str]) -> str:
        """As `fill`, with secrets and host-side files shown by name only."""

        def shown(part: Ref) -> str:
            if isinstance(part, AddressRef):
                return address(part)
            if isinstance(part, SecretRef):
                return f"‹secret {part.name}›"
            if isinstance(part, CertRef):
                return f"‹{part.what} {part.name}›"
            return f"‹file {part.path}›"

        return self.fill(shown)


def _reference(token: str) -> Ref:
    kind, name, *rest = token.split(_SEPARATOR)
    if kind == "secret":
        return SecretRef(name, _FORMS[rest[0]], given=rest[1] == "given")
    if kind == "address":
        return AddressRef(name, "ip" if rest[0] == "ip" else "name")
    return FileRef(name)
