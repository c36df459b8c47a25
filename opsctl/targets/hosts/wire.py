"""Values as the host's program reads and writes them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from opsctl.planning.observation import Holder
from opsctl.planning.resource import Actual, Owned, Resource, ResourceId
from opsctl.ports import Record
from opsctl.targets.hosts.realise import Payload
from opsctl.workload import (
    AddressRef,
    Answer,
    CertRef,
    FileRef,
    Query,
    Seat,
    SecretRef,
    Spoken,
    Text,
)

Value = Callable[[SecretRef | AddressRef | CertRef], str]


def payload(resource: Resource) -> Payload:
    assert isinstance(resource.payload, Payload), f"{resource.id} was not made by this target"
    return resource.payload


def item(resource: Resource) -> dict[str, Any]:
    """A resource to be looked at: without its content."""
    return {
        "kind": resource.id.kind,
        "name": resource.id.name,
        "key": resource.id.key,
        "desired": dict(resource.desired),
        "spec": dict(payload(resource).spec),
    }


def whole(resource: Resource, content: str | None) -> dict[str, Any]:
    """A resource to be made; `content` holds secret values."""
    made = item(resource)
    if content is not None:
        made["spec"]["content"] = content
    seat = payload(resource).seat
    return {
        **made,
        "service": resource.service,
        "member": resource.member,
        "loss": resource.loss,
        "protected": resource.protected,
        "seat": seat_out(resource.service, seat) if seat else None,
    }


def secret_id(ref: SecretRef | CertRef) -> str:
    """A secret in one of its forms, as the host's program and a rendered project name it."""
    if isinstance(ref, CertRef):
        return f"{ref.name} ({ref.what})"
    return ref.name if ref.form == "plain" else f"{ref.name} ({ref.form})"


def going(name: ResourceId) -> dict[str, str]:
    return {"kind": name.kind, "name": name.name, "key": name.key}


def actual(key: str, found: list[Any]) -> Actual:
    attributes, text, foreign = found
    return Actual(ResourceId.parse(key), attributes, text, foreign)


def owned(key: str, entry: Mapping[str, Any]) -> Owned:
    return Owned(
        ResourceId.parse(key),
        str(entry["service"]),
        str(entry["member"]),
        str(entry["loss"]),
        bool(entry["protected"]),
    )


def seat_out(service: str, seat: Seat) -> dict[str, Any]:
    names = (
        "member", "group", "node", "zone", "system", "config_dir", "data_dir", "run_dir",
        "backup_dir", "metrics_dir",
    )  # fmt: skip
    return {
        "service": service,
        "ports": dict(seat.ports),
        **{name: getattr(seat, name) for name in names},
    }


def seat_in(wire: Mapping[str, Any]) -> tuple[int, str, Seat]:
    """(the turn of the run that last wrote there, service, seat)."""
    values = dict(wire)
    return values.pop("turn", 0), values.pop("service"), Seat(**values)


def stdin(text: Text, value: Value) -> list[Any]:
    """Standard input in parts: secrets and addresses filled in, files named to be read there."""
    return [
        part
        if isinstance(part, str)
        else {"file": part.path}
        if isinstance(part, FileRef)
        else value(part)
        for part in text.parts
    ]


def question(query: Query[Any], member: str, unit: str, value: Value) -> dict[str, Any]:
    return {
        "member": member,
        "unit": unit,
        "argv": list(query.argv),
        "stdin": stdin(query.stdin, value),
        "timeout": query.timeout,
        **_short(query, value),
    }


def _short(query: Query[Any], value: Value) -> dict[str, Any]:
    """How the host's program spares itself the query's program."""
    if query.short is None:
        return {}
    dial = query.short.dial
    text = stdin(dial.text, value)
    if isinstance(query.short, Spoken):
        return {"port": dial.port, "stdin": text}
    return {"steady": {"port": dial.port, "stdin": text, "files": list(query.short.files)}}


def answer(query: Query[Any], said: Sequence[Any]) -> Answer:
    """As the query's program would have given it."""
    code, out, err = said
    if isinstance(query.short, Spoken):
        return Answer(code, query.short.shown(out), err)
    return Answer(code, out, err)


def holder(head: Mapping[str, Any]) -> Holder | None:
    """Who holds a lock; None when it is free or ran out, by the host's clock."""
    if not head.get("token") or float(head["expires"]) <= float(head["now"]):
        return None
    return Holder(int(head["token"]), head["holder"], head["since"], head["expires"])


def record_out(record: Record) -> dict[str, Any]:
    values = {
        "run": record.run,
        "kind": record.kind,
        "at": record.at,
        "who": record.who,
        "words": record.words,
        "step": record.step,
        "ended": record.ended,
        "revision": record.revision,
        "steps": list(record.steps),
        "reach": record.reach,
        "details": dict(record.details),
    }
    return {name: value for name, value in values.items() if value or name == "at"}


def record_in(wire: Mapping[str, Any]) -> Record:
    values = dict(wire)
    values["steps"] = tuple(values.get("steps", ()))
    return Record(**{name: values[name] for name in values if name in Record.__dataclass_fields__})
