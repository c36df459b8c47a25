"""A stand-in for Grafana, which can't be had on the machines that run these tests (no package of
Debian, PyPI, npm or Go's proxy has it).

It answers as Grafana's documented HTTP API does (folders, dashboards/db with its 412, versions,
search, datasources, annotations; 401 and 403 with their bodies) and keeps all of it in memory.
What it does not show: how Grafana draws, and what a Grafana newer than its documentation changed.
"""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

TOKEN = "glsa_right"  # of an admin, but for what it lacks
Answer = tuple[int, Any]


@dataclass
class Kept:
    """A dashboard and its versions, the newest last."""

    folder: str
    versions: list[dict[str, Any]]

    @property
    def newest(self) -> dict[str, Any]:
        return self.versions[-1]


@dataclass
class Grafana:
    """What it holds. `rights` that its token has not are refused."""

    url: str = ""
    folders: dict[str, str] = field(default_factory=dict)
    dashboards: dict[str, Kept] = field(default_factory=dict)
    sources: list[dict[str, Any]] = field(default_factory=list)
    annotations: list[dict[str, Any]] = field(default_factory=list)
    lacking: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)  # METHOD path
    old: bool = False  # versions as a bare list, as before Grafana 11
    token: str = TOKEN

    @property
    def writes(self) -> list[str]:
        return [words for words in self.asked if not words.startswith("GET")]

    def edit(self, uid: str, who: str, **changes: Any) -> None:
        """As somebody does in the browser."""
        kept = self.dashboards[uid]
        model = {**kept.newest["data"], **changes}
        _append(kept, model, who, "")

    def answer(self, method: str, path: str, query: dict[str, list[str]], body: Any) -> Answer:
        words = [unquote(word) for word in path.removeprefix("/api/").split("/")]
        if words == ["search"]:
            return 200, self._search(query)
        if words[0] == "folders":
            return self._folders(method, words, body)
        if words == ["dashboards", "db"]:
            return self._save(body)
        if words[:2] == ["dashboards", "uid"]:
            return self._dashboard(method, words[2:])
        if words[0] == "datasources":
            return self._sources(method, words, body)
        if words == ["frontend", "settings"]:
            shown = ("uid", "name", "type", "access", "jsonData")
            found = ({key: one.get(key) for key in shown} for one in self.sources)
            return 200, {"datasources": {one["name"]: one for one in found}}
        if words == ["annotations"]:
            return self._annotations(method, query, body)
        return 404, {"message": "Not found"}

    def _search(self, query: dict[str, list[str]]) -> list[dict[str, Any]]:
        found = []
        for uid, kept in sorted(self.dashboards.items()):
            model = kept.newest["data"]
            tags = model.get("tags") or []
            if set(query.get("tag", [])) - set(tags):
                continue
            if query.get("folderUIDs") and kept.folder not in query["folderUIDs"]:
                continue
            found.append(
                {
                    "uid": uid,
                    "title": model["title"],
                    "tags": tags,
                    "type": "dash-db",
                    "folderUid": kept.folder,
                }
            )
        limit, page = int(query.get("limit", ["1000"])[0]), int(query.get("page", ["1"])[0])
        return found[limit * (page - 1) : limit * page]

    def _folders(self, method: str, words: list[str], body: Any) -> Answer:
        if method == "POST":
            if "folders:create" in self.lacking:
                return _forbidden("folders:create")
            if body["uid"] in self.folders:
                return 409, {"message": "a folder with the same name already exists"}
            self.folders[body["uid"]] = body["title"]
            return 200, {"uid": body["uid"], "title": body["title"]}
        title = self.folders.get(words[1])
        if title is None:
            return 404, {"message": "folder not found", "status": "not-found"}
        return 200, {"uid": words[1], "title": title}

    def _save(self, body: Any) -> Answer:
        model = body["dashboard"]
        uid, kept = model["uid"], self.dashboards.get(model["uid"])
        right = "dashboards:create" if kept is None else "dashboards:write"
        if right in self.lacking:
            return _forbidden(right)
        if body["folderUid"] not in self.folders:
            return 400, {"message": "folder not found"}
        if kept is None:
            kept = self.dashboards[uid] = Kept(body["folderUid"], [])
        elif model.get("version") != kept.newest["version"] and not body.get("overwrite"):
            words = "The dashboard has been changed by someone else"
            return 412, {"message": words, "status": "version-mismatch"}
        _append(kept, model, "sa-1-opsctl", body.get("message", ""))
        return 200, {"uid": uid, "status": "success", "version": kept.newest["version"]}

    def _dashboard(self, method: str, words: list[str]) -> Answer:
        kept = self.dashboards.get(words[0])
        if kept is None:
            return 404, {"message": "Dashboard not found"}
        if words[1:] == ["versions"]:
            versions = [
                {key: value for key, value in one.items() if key != "data"}
                for one in reversed(kept.versions)
            ]
            return 200, versions if self.old else {"continueToken": "", "versions": versions}
        if method == "DELETE":
            del self.dashboards[words[0]]
            return 200, {"title": kept.newest["data"]["title"], "message": "Dashboard deleted"}
        newest = kept.newest
        meta = {"folderUid": kept.folder, "version": newest["version"], "updatedBy": "somebody"}
        return 200, {"dashboard": newest["data"], "meta": meta}

    def _sources(self, method: str, words: list[str], body: Any) -> Answer:
        if method == "GET":
            if "datasources:read" in self.lacking:  # as of an editor
                return _forbidden("datasources:read")
            # Secrets go in and never come out.
            return 200, [
                {key: value for key, value in one.items() if key != "secureJsonData"}
                for one in self.sources
            ]
        right = "datasources:create" if method == "POST" else "datasources:write"
        if right in self.lacking:
            return _forbidden(right)
        self.sources = [one for one in self.sources if one["uid"] != body["uid"]] + [body]
        return 200, {"datasource": body, "message": "Datasource added"}

    def _annotations(self, method: str, query: dict[str, list[str]], body: Any) -> Answer:
        if method == "POST":
            if "annotations:create" in self.lacking:
                return _forbidden("annotations:create")
            self.annotations.append(body)
            return 200, {"message": "Annotation added", "id": len(self.annotations)}
        wanted, since = set(query.get("tags", [])), float(query.get("from", ["0"])[0])
        return 200, [
            one for one in self.annotations if wanted <= set(one["tags"]) and one["time"] >= since
        ]


def _append(kept: Kept, model: dict[str, Any], who: str, message: str) -> None:
    version = len(kept.versions) + 1
    kept.versions.append(
        {
            "version": version,
            "created": f"2026-01-0{min(version, 9)}T10:00:00Z",
            "createdBy": who,
            "message": message,
            "data": {**model, "id": 7, "version": version},
        }
    )


def _forbidden(right: str) -> Answer:
    return 403, {
        "accessErrorId": "ACE0123456789",
        "message": f"You'll need additional permissions to perform this action. "
        f"Permissions needed: {right}",
        "title": "Access denied",
    }


@contextmanager
def serve(below: str = "", proof: ssl.SSLContext | None = None) -> Iterator[Grafana]:
    """One that answers on this machine's loopback; `below` a path, as behind a proxy; over TLS with
    a `proof`."""
    grafana = Grafana()

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            parts = urlsplit(self.path)
            size = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(size) or b"null")
            path = parts.path.removeprefix(below)
            grafana.asked.append(f"{self.command} {path}")
            if self.headers.get("Authorization") != f"Bearer {grafana.token}":
                status, answer = 401, {"message": "Invalid API key"}
            else:
                status, answer = grafana.answer(self.command, path, parse_qs(parts.query), body)
            content = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = do_DELETE = answer  # noqa: N815

        def log_message(self, *words: object) -> None:
            """Tests are quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if proof is not None:
        server.socket = proof.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    grafana.url = f"{'http' if proof is None else 'https'}://127.0.0.1:{server.server_port}{below}"
    try:
        yield grafana
    finally:
        server.shutdown()
        server.server_close()
