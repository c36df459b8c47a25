"""The journal, the spec's revisions and maintenance: ConfigMaps in the namespace."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from opsctl.errors import OpsError
from opsctl.planning.observation import Maintenance
from opsctl.ports import Record, Upkeep
from opsctl.targets.kubernetes import wire
from opsctl.targets.kubernetes.api import Api
from opsctl.targets.kubernetes.kinds import KINDS
from opsctl.targets.kubernetes.live import ENVIRONMENT, KEPT
from opsctl.targets.kubernetes.site import Manifest, Site

HELD = "opsctl-maintenance"


class Journals:
    """Appending reads nothing: every record is a key of its run's ConfigMap."""

    def __init__(self, api: Api, site: Site) -> None:
        self._api, self._site = api, site
        self._all = KINDS["ConfigMap"].path(site.namespace)

    def append(self, records: Sequence[Record], document: Mapping[str, Any] | None) -> None:
        """Keeps the document as the records' revision, then the records."""
        if document is not None:
            revision = max((record.revision for record in records), default=0)
            self._keep(wire.revision_name(revision), wire.REVISION, wire.document_out(document))
            self._forget(wire.REVISION, wire.REVISIONS_KEPT)
        for run in dict.fromkeys(record.run for record in records):
            mine = [record for record in records if record.run == run]
            self._keep(wire.journal_name(run), wire.JOURNAL, {"data": wire.entries(mine)})
            if any(record.kind == "begin" for record in mine):
                self._forget(wire.JOURNAL, wire.RUNS_KEPT)

    def history(self, limit: int) -> tuple[Record, ...]:
        """The newest records, oldest first."""
        maps = self._api.list(self._all, self._selector(wire.JOURNAL))
        return tuple(wire.records(maps)[-limit:])

    def document(self, revision: int) -> Mapping[str, Any] | None:
        """The spec of a revision that is still kept."""
        found = self._api.get(f"{self._all}/{wire.revision_name(revision)}")
        return wire.document_in(found) if found is not None else None

    def hold(self, upkeep: Upkeep, now: float) -> None:
        """Notes a maintenance down, or strikes it; one that goes on keeps its beginning."""
        before = self.held(now).get(upkeep.service)
        said = {
            "until": now + upkeep.seconds,
            "since": before.since if before else now,
            "who": upkeep.who,
            "reason": upkeep.reason,
        }
        text = json.dumps(said) if upkeep.seconds else None
        self._keep(HELD, wire.MAINTENANCE, {"data": {upkeep.service: text}})

    def held(self, now: float) -> dict[str, Maintenance]:
        """What is held now, by service."""
        found = self._api.get(f"{self._all}/{HELD}")
        return wire.maintained([found] if found is not None else [], now)

    def _keep(self, name: str, kept: str, content: Manifest) -> None:
        if self._api.merge(f"{self._all}/{name}", content) is not None:
            return
        data = {key: one for key, one in content.get("data", {}).items() if one is not None}
        made = wire.note(self._site, name, kept) | content | ({"data": data} if data else {})
        try:
            self._api.create(self._all, made)
        except OpsError as error:
            if error.code != "kubernetes/exists":  # a try before this one did reach the server
                raise
            self._api.merge(f"{self._all}/{name}", content)

    def _forget(self, kept: str, most: int) -> None:
        """Drops the oldest beyond `most`."""
        known = self._api.list(self._all, self._selector(kept), bare=True)
        old = sorted(known, key=_made)[: max(0, len(known) - most)]
        for one in old:
            self._api.delete(f"{self._all}/{one['metadata']['name']}")

    def _selector(self, kept: str) -> str:
        return f"{ENVIRONMENT}={self._site.environment},{KEPT}={kept}"


def _made(thing: Manifest) -> tuple[str, int, str]:
    """Older ones first; of one second the lower revision."""
    metadata = thing["metadata"]
    last = metadata["name"].rpartition("-")[2]
    number = int(last) if last.isdecimal() else 0
    return metadata["creationTimestamp"], number, metadata["name"]
