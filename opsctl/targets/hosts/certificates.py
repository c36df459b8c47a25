"""Certificates that are there, against those that are wanted. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from opsctl.planning.observation import Kept, Observation
from opsctl.planning.resource import Actual, Resource
from opsctl.targets.certificates import amiss, described
from opsctl.targets.hosts.realise import Context, Payload


def with_certificates(
    context: Context, resources: Sequence[Resource], found: Observation
) -> Observation:
    """What was seen, with each certificate that is there; in words, where one is not as it should
    be."""
    actual, kept = dict(found.actual), {}
    for one in resources:
        there = found.actual.get(one.id) if _name(one) else None
        if there is not None and there.attributes is not None:
            actual[one.id], kept[one.member, _name(one)] = _judged(context, one, there)
    return replace(found, actual=actual, certificates=kept) if kept else found


def _judged(context: Context, one: Resource, there: Actual) -> tuple[Actual, Kept]:
    """A host says of one that is as desired no more than that."""
    pem = _wanted(context, one)
    if pem is not None and (there.attributes or {}).get("content") == one.desired["content"]:
        return there, Kept(pem)
    wanted = context.secrets.certified(pem) if pem is not None else None
    if wanted is None:  # without the root key it can't be judged
        return there, Kept(there.text)
    found = context.secrets.certified(there.text)
    why = amiss(found, wanted)
    text = described(found) if found is not None else "no certificate\n"
    words = f"certificate of {one.member}: {why}"
    return replace(there, text=text, amiss=words), Kept(there.text, why)


def _name(one: Resource) -> str:
    return one.payload.certificate if isinstance(one.payload, Payload) else ""


def _wanted(context: Context, one: Resource) -> str | None:
    assert isinstance(one.payload, Payload)
    assert one.payload.text is not None
    return context.filled(one.payload.text)
