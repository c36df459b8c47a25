"""What realising needs to know of the target, and what a resource carries for the way back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from opsctl.errors import Exit, OpsError
from opsctl.planning.resource import ResourceId
from opsctl.ports import Secrets
from opsctl.targets.hosts import fingerprints, layout
from opsctl.targets.hosts.values import Env, Options
from opsctl.workload import AddressRef, CertRef, Part, Ref, Seat, SecretRef, Text


@dataclass(frozen=True, slots=True)
class Payload:
    """`spec` goes to the host's program as it is; `text` is filled in when it is written.
    `certificate` is the name of the one that the file holds, "" for all others."""

    spec: Mapping[str, object] = field(default_factory=dict)
    text: Text | None = None
    seat: Seat | None = None
    certificate: str = ""


@dataclass(frozen=True, slots=True)
class Context:
    """`address(member, form)` gives where a member is reached; it may raise OpsError."""

    target: str
    environment: Env
    secrets: Secrets
    options: Options
    address: Callable[[AddressRef], str]

    def id(self, kind: str, node: str, name: str) -> ResourceId:
        return ResourceId(kind, layout.where(self.target, node), name)

    def value(self, ref: SecretRef | CertRef) -> str | None:
        """None where it can't be known here."""
        if isinstance(ref, CertRef):
            return self.secrets.certificate(ref.called(self.address))
        return self.secrets.value(ref)

    def known(self, ref: SecretRef | CertRef) -> str:
        """What a secret or certificate is. Raises secrets/unknown when it can't be known here."""
        value = self.value(ref)
        if value is None:
            message = f"the secret {ref.name} is not known here"
            hint = "is the root key here? opsctl secrets"
            raise OpsError("secrets/unknown", message, hint=hint, exit=Exit.REFUSED)
        return value

    def resolved(self, text: Text) -> Text:
        """The text with its addresses and certificates filled in, as far as these are known here;
        secrets stay references."""
        return Text(tuple(self._resolved(part) for part in text.parts))

    def _resolved(self, part: Part) -> Part:
        if isinstance(part, AddressRef):
            return self.address(part)
        if isinstance(part, CertRef):
            called = part.called(self.address)
            return self.secrets.certificate(called) or called
        return part

    def own(self, seat: Seat) -> str:
        """The literal address of a seat's host; "" where it can't be known here."""
        try:
            return self.address(AddressRef(seat.member, "ip"))
        except OpsError:
            return ""

    def filled(self, text: Text) -> str | None:
        """The whole text with secret values; None when one can't be known here."""
        values: dict[SecretRef | CertRef, str] = {}
        for ref in text.derived:
            value = self.value(ref)
            if value is None:
                return None
            values[ref] = value

        def value_of(part: Ref) -> str:
            if isinstance(part, SecretRef | CertRef):
                return values[part]
            if isinstance(part, AddressRef):
                return self.address(part)
            raise TypeError(f"{part.path}: a file can't hold the content of a host's file")

        return text.fill(value_of)

    def fingerprint(self, text: Text) -> str | None:
        """What stands for the content; None where a secret or the key is not known here."""
        key = self.secrets.key if text.secrets else fingerprints.OPEN
        content = self.filled(text)
        if key is None or content is None:
            return None
        return fingerprints.of_content(key, content.encode())
