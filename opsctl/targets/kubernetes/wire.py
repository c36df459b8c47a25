"""Records and specs as ConfigMaps keep them: bounded in size and in number. Pure."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from typing import Any, Final

from opsctl.planning.observation import Maintenance
from opsctl.ports import GENERATION, Record
from opsctl.targets.kubernetes.live import ENVIRONMENT, KEPT, Live, labels
from opsctl.targets.kubernetes.site import Manifest, Site

JOURNAL, REVISION, MAINTENANCE = "journal", "revision", "maintenance"
RUNS_KEPT: Final = 60  # runs of the journal, a ConfigMap each
REVISIONS_KEPT: Final = 40
_PLAIN: Final = 700_000  # bytes of a spec that are kept as they are; etcd takes 1.5 MiB at most


def journal_name(run: str) -> str:
    """A run's ConfigMap: names there are lower case."""
    return f"opsctl-journal-{run.lower()}"


def revision_name(revision: int) -> str:
    return f"opsctl-revision-{revision}"


def note(site: Site, name: str, kept: str) -> Manifest:
    """An empty ConfigMap for something that opsctl notes down."""
    metadata = site.metadata(
        name,
        {"app.kubernetes.io/managed-by": "opsctl", ENVIRONMENT: site.environment, KEPT: kept},
    )
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}


def entries(records: Sequence[Record]) -> dict[str, str]:
    """A run's records as entries of its ConfigMap; the same one twice is one entry."""
    return {f"{one.at:017.6f}-{one.kind}-{_key(one.step)}": record_out(one) for one in records}


def _key(step: str) -> str:
    """Keys of a ConfigMap are letters, digits, "-", "_" and "."."""
    return "".join(one if one.isalnum() and one.isascii() else "." for one in step)[:150]


def record_out(record: Record) -> str:
    said = {field.name: getattr(record, field.name) for field in fields(Record)}
    said |= {"steps": list(record.steps), "details": dict(record.details)}
    return json.dumps({key: value for key, value in said.items() if value or key == "at"})


def record_in(text: str) -> Record:
    said = json.loads(text)
    known = {field.name: said[field.name] for field in fields(Record) if field.name in said}
    known["steps"] = tuple(known.get("steps", ()))
    return Record(**known)


def noted(live: Live, kept: str) -> list[Manifest]:
    """The ConfigMaps of one sort."""
    return [one for one in live.objects.values() if labels(one).get(KEPT) == kept]


def records(maps: Iterable[Manifest]) -> list[Record]:
    """All records in these ConfigMaps, oldest first."""
    found = [record_in(text) for one in maps for text in (one.get("data") or {}).values()]
    return sorted(found, key=lambda record: record.at)


def document_out(document: Mapping[str, Any]) -> Manifest:
    """The part of a ConfigMap that holds a spec."""
    text = json.dumps(document, separators=(",", ":"))
    if len(text) <= _PLAIN:
        return {"data": {"document": text}}
    packed = base64.b64encode(gzip.compress(text.encode())).decode()
    return {"binaryData": {"document.gz": packed}}


def document_in(found: Manifest) -> Mapping[str, Any] | None:
    text = (found.get("data") or {}).get("document")
    packed = (found.get("binaryData") or {}).get("document.gz")
    if text is None and packed is not None:
        text = gzip.decompress(base64.b64decode(packed)).decode()
    document: Mapping[str, Any] | None = json.loads(text) if text is not None else None
    return document


def revision_of(found: Manifest) -> int:
    return int(found["metadata"]["name"].rpartition("-")[2])


def generations(known: Sequence[Record]) -> dict[str, int]:
    """Of derived secrets, as any kept run had them; the greatest counts."""
    found: dict[str, int] = {}
    for record in known:
        for name, number in record.details.items():
            if record.kind == "begin" and name.startswith(GENERATION):
                secret = name.removeprefix(GENERATION)
                found[secret] = max(int(number), found.get(secret, 1))
    return found


def maintained(maps: Iterable[Manifest], now: float) -> dict[str, Maintenance]:
    """What is held at the time `now` of the cluster's clock."""
    found: dict[str, Maintenance] = {}
    for one in maps:
        for service, text in (one.get("data") or {}).items():
            held = Maintenance(service=service, **json.loads(text))
            if held.until > now:
                found[service] = held
    return found
