"""An Alertmanager through its API, version 2: see opsctl.ports.alerts.Silences."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from opsctl.errors import Exit, OpsError
from opsctl.ports.alerts import Silence

if TYPE_CHECKING:
    from opsctl.clients.trust import Trust

TIMEOUT = 10.0  # seconds for one answer


class AlertmanagerServer:
    """`user` and `password` for basic authentication; `trust`: whom it is certified by and as whom,
    None for this machine's authorities. `where` names it in errors, `hint` says what to do when it
    does not answer. Without `tunnel` the variables of this machine's proxy and authorities count.
    """

    def __init__(
        self,
        url: str,
        *,
        user: str = "",
        password: str = "",
        trust: Trust | None = None,
        where: str = "",
        hint: str = "`opsctl status` shows whether it runs",
        tunnel: bool = True,
        timeout: float = TIMEOUT,
    ) -> None:
        import requests

        self._url = f"{url.rstrip('/')}/api/v2"
        self._where, self._hint = where or url, hint
        self._timeout = timeout
        self._session = requests.Session()
        self._session.trust_env = not tunnel  # a proxy knows nothing of its end
        self._session.auth = (user, password) if user else None
        if trust is not None:
            from opsctl.clients.trust import Certified

            self._session.mount(self._url, Certified(trust))

    def there(self) -> tuple[Silence, ...]:
        found = [_silence(one) for one in self._ask("GET", "silences") if not _over(one)]
        return tuple(sorted(found, key=lambda one: (one.ends, one.id)))

    def add(self, labels: Mapping[str, str], seconds: float, by: str, reason: str) -> str:
        now = time.time()
        answer = self._ask(
            "POST",
            "silences",
            {
                "matchers": [
                    {"name": name, "value": value, "isRegex": False, "isEqual": True}
                    for name, value in labels.items()
                ],
                "startsAt": _words(now),
                "endsAt": _words(now + seconds),
                "createdBy": by,
                "comment": reason,
            },
        )
        return str(answer["silenceID"])

    def end(self, id: str) -> None:
        self._ask("DELETE", f"silence/{id}")

    def _ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        from requests.exceptions import RequestException

        from opsctl.clients.trust import unreached

        try:
            answer = self._session.request(
                method, f"{self._url}/{path}", json=body, timeout=self._timeout
            )
        except RequestException as error:
            raise self._away(unreached(error)) from None
        if answer.status_code in (400, 404, 422, 500):
            words = answer.text.strip().strip('"') or f"HTTP status {answer.status_code}"
            raise OpsError("alerts/refused", words, where=self._where)
        if answer.status_code == 401:
            raise self._away("it wants another name or password")
        if not answer.ok:
            raise self._away(f"HTTP status {answer.status_code}")
        try:
            return answer.json() if answer.content else None
        except ValueError:
            raise self._away("it answers, but not as Alertmanager does") from None

    def _away(self, words: str) -> OpsError:
        return OpsError(
            "alerts/away",
            f"Alertmanager does not answer: {words}",
            where=self._where,
            hint=self._hint,
            exit=Exit.UNOBSERVED,
        )


def _over(document: Mapping[str, Any]) -> bool:
    return bool(document.get("status", {}).get("state") == "expired")


def _silence(document: Mapping[str, Any]) -> Silence:
    return Silence(
        id=str(document["id"]),
        labels={one["name"]: _value(one) for one in document["matchers"]},
        ends=datetime.fromisoformat(document["endsAt"].replace("Z", "+00:00")).timestamp(),
        by=str(document.get("createdBy", "")),
        reason=str(document.get("comment", "")),
    )


def _value(matcher: Mapping[str, Any]) -> str:
    """With its sign where it is another than "is"."""
    sign = ("" if matcher.get("isEqual", True) else "!") + ("~" if matcher["isRegex"] else "")
    return f"{sign}{matcher['value']}"


def _words(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()
