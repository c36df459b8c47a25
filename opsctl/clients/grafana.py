"""A Grafana through its HTTP API, by grafana-client."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import quote, urlsplit

from opsctl.errors import Exit, OpsError
from opsctl.ports.grafana import Held, Listed, Note, Source

TIMEOUT = 10.0  # seconds for one answer; saving a large dashboard takes under one
_PAGE = 1000  # dashboards in one answer of a search, and annotations in one
_NEEDED = re.compile(r"Permissions needed:\s*(.+?)\.?$", re.DOTALL)
_MARK = "opsctl"  # the key of a data source's own notes


class GrafanaServer:
    """See opsctl.ports.grafana.Grafana. `token`: a service account's; `authority`: by whom it is
    certified (PEM), left out: by one of this machine's authorities."""

    def __init__(self, url: str, token: str, authority: str | None = None) -> None:
        from grafana_client import GrafanaApi
        from grafana_client.client import TokenAuth

        parts = urlsplit(url)
        self.where = url.rstrip("/")
        self._api = GrafanaApi(
            TokenAuth(token),
            host=parts.hostname or "",
            port=parts.port,
            url_path_prefix=f"{parts.path.strip('/')}/" if parts.path.strip("/") else "",
            protocol=parts.scheme,
            verify=authority or True,
            timeout=TIMEOUT,
        )

    def sources(self) -> tuple[Source, ...]:
        try:
            found = self._ask("datasources:read", self._api.datasource.list_datasources)
        except OpsError as error:
            if error.code != "grafana/no-permission":
                raise
            found = self._shown_sources()
        return tuple(_source(one) for one in _dicts(found) if one.get("type") == "prometheus")

    def _shown_sources(self) -> list[Any]:
        """As its pages know them: the list is for admins, and panels are made by editors, too.
        Their `url` here is Grafana's own."""
        path = "/frontend/settings"
        found = self._ask("datasources:read", lambda: self._api.client.GET(path))
        shown = found.get("datasources") if isinstance(found, dict) else None
        return [{**one, "url": ""} for one in _dicts(list((shown or {}).values()))]

    def save_source(self, source: Source, *, new: bool) -> None:
        datasource = self._api.datasource
        body = _source_body(source)
        if new:
            self._ask("datasources:create", lambda: datasource.create_datasource(body))
        else:
            uid = source.uid
            self._ask("datasources:write", lambda: datasource.update_datasource_by_uid(uid, body))

    def folder(self, uid: str) -> str | None:
        found = self._maybe("folders:read", lambda: self._api.folder.get_folder(uid))
        return str(found.get("title", "")) if found else None

    def make_folder(self, uid: str, title: str) -> None:
        self._ask("folders:create", lambda: self._api.folder.create_folder(title, uid))

    def listed(self, *, tag: str = "", folder: str = "") -> tuple[Listed, ...]:
        found: list[Listed] = []
        page = 1
        while True:
            some = self._page(page, tag, folder)
            found += [_listed(one) for one in some]
            if len(some) < _PAGE:
                return tuple(found)
            page += 1

    def _page(self, page: int, tag: str, folder: str) -> list[Mapping[str, Any]]:
        def search() -> Any:
            return self._api.search.search_dashboards(
                tag=tag or None,
                folder_uids=folder or None,
                type_="dash-db",
                limit=_PAGE,
                page=page,
            )

        return list(_dicts(self._ask("dashboards:read", search)))

    def held(self, uid: str) -> Held | None:
        found = self._maybe("dashboards:read", lambda: self._api.dashboard.get_dashboard(uid))
        if found is None:
            return None
        dashboard, meta = found.get("dashboard", {}), found.get("meta", {})
        last = self._last_version(uid)
        return Held(
            uid=uid,
            title=str(dashboard.get("title", "")),
            folder=str(meta.get("folderUid", "")),
            tags=frozenset(dashboard.get("tags") or ()),
            text=json.dumps(dashboard, sort_keys=True, ensure_ascii=False),
            version=int(dashboard.get("version", 0)),
            by=str(last.get("createdBy") or meta.get("updatedBy", "")),
            at=str(last.get("created") or meta.get("updated", "")),
            message=str(last.get("message", "")),
        )

    def _last_version(self, uid: str) -> Mapping[str, Any]:
        """Grafana 11 put the list into an object."""
        path = f"/dashboards/uid/{quote(uid)}/versions?limit=1"
        found = self._ask("dashboards:write", lambda: self._api.client.GET(path))
        versions = found.get("versions", []) if isinstance(found, dict) else found
        return max(_dicts(versions), key=lambda one: int(one.get("version", 0)), default={})

    def save(self, text: str, folder: str, message: str, over: int | None) -> None:
        body = {
            "dashboard": {**json.loads(text), "id": None, "version": over or 0},
            "folderUid": folder,
            "message": message,
            "overwrite": False,
        }
        needed = "dashboards:create" if over is None else "dashboards:write"
        self._ask(needed, lambda: self._api.dashboard.update_dashboard(body))

    def remove(self, uid: str) -> None:
        self._ask("dashboards:delete", lambda: self._api.dashboard.delete_dashboard(uid))

    def notes(self, tags: frozenset[str], since: float) -> tuple[Note, ...]:
        found = self._ask(
            "annotations:read",
            lambda: self._api.annotations.find_annotations(
                time_from=int(since * 1000),
                time_to=32503680000000,  # Grafana wants an end: the year 3000
                ann_type="annotation",
                tags=[quote(tag) for tag in sorted(tags)],
                limit=_PAGE,
            ),
        )
        return tuple(_note(one) for one in _dicts(found))

    def note(self, note: Note) -> None:
        self._ask(
            "annotations:create",
            lambda: self._api.annotations.add_annotation(
                time_from=int(note.at * 1000),
                time_to=int(note.end * 1000),
                tags=sorted(note.tags),
                text=note.text,
            ),
        )

    def _maybe(self, needed: str, question: Callable[[], Any]) -> Mapping[str, Any] | None:
        """None where Grafana knows no such thing."""
        try:
            found = self._ask(needed, question)
        except OpsError as error:
            if error.code == "grafana/unknown":
                return None
            raise
        return found if isinstance(found, dict) else {}

    def _ask(self, needed: str, question: Callable[[], Any]) -> Any:
        """Its answer. `needed`: the right that the call takes, for the error."""
        from grafana_client.client import GrafanaException
        from niquests.exceptions import RequestException

        from opsctl.clients.trust import refused

        try:
            answer = question()
        except GrafanaException as error:
            raise self._refused(error.status_code, error.response, needed) from None
        except (RequestException, OSError) as error:
            raise self._away(refused(str(error)) or str(error)) from None
        if isinstance(answer, str) and answer:
            raise self._stranger()
        return answer

    def _refused(self, status: int, answer: object, needed: str) -> OpsError:
        words = str(answer.get("message", "")) if isinstance(answer, dict) else ""
        if status == 0:
            return self._away("no answer in time")
        if status == 401:
            return OpsError(
                "grafana/wrong-token",
                "Grafana does not know this token, or it has ended",
                where=self.where,
                hint="make a new one for the service account, then `opsctl secrets set` its name "
                "below monitoring.grafana.token",
                exit=Exit.REFUSED,
            )
        if status == 403:
            return self._forbidden(words, needed)
        if status == 404:
            return OpsError("grafana/unknown", words or "not found", where=self.where)
        if status in (409, 412):
            return OpsError(
                "grafana/conflict",
                f"Grafana has another version meanwhile, or the name is taken: {words}",
                where=self.where,
                hint="`opsctl dashboards diff` shows who changed what",
                exit=Exit.REFUSED,
            )
        if status >= 500:
            return self._away(f"it answers {status} {words}".rstrip())
        return OpsError(
            "grafana/refused", f"Grafana refuses this ({status}): {words}", where=self.where
        )

    def _forbidden(self, words: str, needed: str) -> OpsError:
        said = _NEEDED.search(words)
        return OpsError(
            "grafana/no-permission",
            f"the token may not do this; the right that is missing: "
            f"{said.group(1) if said else needed}",
            where=self.where,
            hint="give its service account the role Editor, and Admin for a data source of ours",
            exit=Exit.REFUSED,
        )

    def _away(self, words: str) -> OpsError:
        return OpsError(
            "grafana/away",
            f"Grafana does not answer: {words}",
            where=self.where,
            hint="is monitoring.grafana.url right, and reachable from here? monitoring.grafana.ca "
            "names by whom it is certified, where this machine does not believe that",
        )

    def _stranger(self) -> OpsError:
        return OpsError(
            "grafana/stranger",
            "something answers there, but not as Grafana does",
            where=self.where,
            hint="monitoring.grafana.url is the address of its first page, less /login",
        )


def _dicts(answer: object) -> Iterator[Mapping[str, Any]]:
    if isinstance(answer, list):
        yield from (one for one in answer if isinstance(one, dict))


def _source(found: Mapping[str, Any]) -> Source:
    notes = found.get("jsonData") or {}
    return Source(
        uid=str(found.get("uid", "")),
        name=str(found.get("name", "")),
        url=str(found.get("url", "")),
        user=str(found.get("basicAuthUser", "")),
        mark=str(notes.get(_MARK, "")),
    )


def _source_body(source: Source) -> dict[str, Any]:
    secret = {"basicAuthPassword": source.password} if source.password else {}
    trust = {"tlsCACert": source.authority} if source.authority else {}
    return {
        "uid": source.uid,
        "name": source.name,
        "type": "prometheus",
        "access": "proxy",
        "url": source.url,
        "basicAuth": bool(source.user),
        "basicAuthUser": source.user,
        "jsonData": {
            "httpMethod": "POST",
            "tlsAuthWithCACert": bool(source.authority),
            _MARK: source.mark,
        },
        "secureJsonData": {**secret, **trust},
    }


def _listed(found: Mapping[str, Any]) -> Listed:
    return Listed(
        str(found.get("uid", "")),
        str(found.get("title", "")),
        str(found.get("folderUid", "")),
        frozenset(found.get("tags") or ()),
    )


def _note(found: Mapping[str, Any]) -> Note:
    at = float(found.get("time", 0)) / 1000
    return Note(
        at,
        float(found.get("timeEnd") or found.get("time", 0)) / 1000,
        str(found.get("text", "")),
        frozenset(found.get("tags") or ()),
    )
