"""Certificates, and the days that they still have."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from rich.text import Text

from opsctl.cli.views.errors import away_lines, error_data
from opsctl.cli.views.lines import BAD, DIM, GOOD, WARN, Piece, ago, line, table
from opsctl.cli.views.view import View
from opsctl.errors import OpsError
from opsctl.flow.certificates import CertificateStatus

_DAY = 86_400


@dataclass(frozen=True, slots=True)
class CertificatesView(View):
    """One line each. `away`: where none can be seen."""

    certificates: Sequence[CertificateStatus]
    away: Sequence[OpsError] = ()

    def lines(self) -> Iterable[Text]:
        yield from self._rows()
        yield from away_lines(self.away)

    def _rows(self) -> Iterable[Text]:
        if not self.certificates:
            yield line(("no service has a certificate", DIM))
            return
        rows = [
            (one.member, one.component, _left(one), one.issuer, ", ".join(one.names), _state(one))
            for one in self.certificates
        ]
        yield from table(("MEMBER", "PROCESS", "LEFT", "ISSUER", "NAMES", ""), rows, indent=0)

    def data(self) -> object:
        return {
            "certificates": [certificate_data(one) for one in self.certificates],
            "unreachable": [error_data(error) for error in self.away],
        }


def certificate_data(one: CertificateStatus) -> object:
    return {
        "service": one.service,
        "member": one.member,
        "component": one.component,
        "key": one.name,
        "names": list(one.names),
        "issuer": one.issuer,
        "ends": one.ends,
        "days_left": None if one.left is None else int(one.left // _DAY),
        "amiss": one.amiss,
    }


def soon_lines(certificates: Sequence[CertificateStatus]) -> Iterator[Text]:
    """Those that somebody should see to."""
    for one in certificates:
        if one.soon:
            yield line(
                ("certificate", WARN), f" of {one.member} {one.component}: ",
                one.amiss or f"{_words(one.left)} left",
            )  # fmt: skip


def _left(one: CertificateStatus) -> Piece:
    if one.left is None:
        return ("-", DIM)
    return (_words(one.left), BAD if one.left < 0 else WARN if one.soon else GOOD)


def _words(left: float | None) -> str:
    if left is None:
        return ""
    return ago(left) if left >= 0 else f"ended {ago(-left)} ago"


def _state(one: CertificateStatus) -> Piece:
    return (one.amiss, WARN)
