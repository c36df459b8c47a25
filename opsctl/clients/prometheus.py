"""A Prometheus through its HTTP API, by prometheus-api-client."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from opsctl.errors import OpsError
from opsctl.ports.metrics import Series

if TYPE_CHECKING:
    from opsctl.clients.trust import Trust

TIMEOUT = 10.0  # seconds for one answer; a heavy query takes one


class PrometheusServer:
    """See opsctl.ports.metrics.Metrics.

    `user` and `password` for basic authentication; `trust`: whom it is certified by and as whom,
    None for this machine's authorities. `where` names it in errors, left out: the URL; `hint` says
    what to do when it does not answer.
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
        timeout: float = TIMEOUT,
    ) -> None:
        import requests
        from prometheus_api_client import PrometheusConnect
        from urllib3.util.retry import Retry

        session = requests.Session()
        session.auth = (user, password) if user else None
        self._url = url.rstrip("/")
        self.where, self._hint = where or self._url, hint
        self._session = session
        self._timeout = timeout
        self._api = PrometheusConnect(
            self._url, session=session, timeout=timeout, retry=Retry(total=0), method="POST"
        )
        if trust is not None:
            from opsctl.clients.trust import Certified

            session.trust_env = not trust.name  # a proxy knows nothing of a tunnel's end
            session.mount(self._url, Certified(trust))

    def now(self, expr: str) -> tuple[Series, ...]:
        found = self._ask(expr, lambda: self._api.custom_query(expr))
        if found and not isinstance(found[0], dict):  # a scalar: time, value
            return (Series({}, (_point(found),)),)
        return tuple(Series(one["metric"], (_point(one["value"]),)) for one in found)

    def over(self, expr: str, start: float, end: float, step: float) -> tuple[Series, ...]:
        begin, until = (datetime.fromtimestamp(at, UTC) for at in (start, end))
        found = self._ask(
            expr, lambda: self._api.custom_query_range(expr, begin, until, f"{step:g}")
        )
        return tuple(
            Series(one["metric"], tuple(_point(point) for point in one["values"])) for one in found
        )

    def values(self, label: str, among: str) -> tuple[str, ...]:
        return tuple(
            sorted(
                self._ask(
                    among, lambda: self._api.get_label_values(label, params={"match[]": among})
                )
            )
        )

    def _ask(self, expr: str, question: Callable[[], Any]) -> Any:
        from prometheus_api_client.exceptions import PrometheusApiClientException
        from requests.exceptions import RequestException

        from opsctl.clients.trust import unreached

        try:
            return question()
        except RequestException as error:
            raise self._away(unreached(error)) from None
        except PrometheusApiClientException as error:
            raise self._refused(expr, str(error)) from None
        except (ValueError, KeyError):
            raise self._away("it answers, but not as Prometheus does") from None

    def _refused(self, expr: str, said: str) -> OpsError:
        """From "HTTP Status Code 400 (b'{...}')"."""
        status, _, body = said.partition("(")
        if " 400 " in status or " 422 " in status:
            return OpsError("metrics/refused", _words(body), where=self.where, details=(expr,))
        if " 401 " in status:
            return self._away("it wants another name or password")
        return self._away(status.strip().lower())

    def _away(self, words: str) -> OpsError:
        return OpsError(
            "metrics/away",
            f"Prometheus does not answer: {words}",
            where=self.where,
            hint=self._hint,
        )


def _point(pair: Sequence[Any]) -> tuple[float, float]:
    return float(pair[0]), float(pair[1])


def _words(body: str) -> str:
    """What the answer says is wrong; the library gives it as the text of Python's bytes."""
    text = body.strip().removesuffix(")").removeprefix("b").strip("'\"")
    text = text.encode().decode("unicode_escape")
    try:
        answer: Mapping[str, Any] = json.loads(text)
    except ValueError:
        return text
    return str(answer.get("error", text))
