"""What is watched, in Prometheus's own words, for its template."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby

from opsctl.workload import AddressRef, Directory, Scrape, SecretRef


@dataclass(frozen=True, slots=True)
class Target:
    """One target; `address` holds a token."""

    address: str
    labels: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Job:
    """Targets that are asked in one way. `password_file` is "" where no password is wanted.

    `called`: the name that certificates are asked for, "" for the address. `searched`: its targets
    are those of `port` that the place itself names, whenever it is asked; `labels` and `params` are
    the same for all of them.
    """

    name: str
    path: str
    user: str
    password_file: str
    targets: tuple[Target, ...]
    searched: bool
    port: int
    labels: Mapping[str, str]
    params: Mapping[str, str]
    tls: str
    called: str


def jobs(directory: Directory, folder: str) -> tuple[Job, ...]:
    """One for each service and kind of server there; passwords lie in `folder`."""
    return tuple(
        _job(directory.environment, service, tuple(several), folder)
        for service, scrapes in sorted(directory.watched.items())
        for _, several in groupby(sorted(scrapes, key=_order), key=_way)
    )


def _way(scrape: Scrape) -> tuple[str, ...]:
    """What is the same for all targets of a job."""
    password = scrape.password.name if scrape.password else ""
    alike = (*scrape.labels.items(), *sorted(scrape.params.items())) if scrape.realm else ()
    more = (word for pair in alike for word in pair)
    return (scrape.job, scrape.tls, scrape.called, scrape.path, scrape.user, password, *more)


def _order(scrape: Scrape) -> tuple[tuple[str, ...], str]:
    return _way(scrape), scrape.member


def _job(environment: str, service: str, scrapes: tuple[Scrape, ...], folder: str) -> Job:
    one = scrapes[0]
    labels = {"job": one.job, "environment": environment, "service": service}
    apart = one.labels if one.realm else {}
    return Job(
        name="/".join((service, one.job, *apart.values())),
        path=one.path,
        user=one.user,
        password_file=password_file(folder, one.password) if one.password else "",
        targets=tuple(
            Target(
                address(scrape),
                {
                    **labels,
                    "member": scrape.member,
                    "host": scrape.host,
                    **scrape.labels,
                    # Prometheus puts these into the request and not into the series.
                    **{f"__param_{name}": said for name, said in sorted(scrape.params.items())},
                },
            )
            for scrape in scrapes
        ),
        searched=bool(one.realm),
        port=one.port,
        labels={**labels, **apart},
        params=one.params,
        tls=one.tls,
        called=one.called,
    )


def realms(directory: Directory) -> list[str]:
    """The rooms in which the place is asked who is where."""
    everybody = (scrape for scrapes in directory.watched.values() for scrape in scrapes)
    return sorted({scrape.realm for scrape in everybody} - {""})


def address(scrape: Scrape) -> str:
    return f"{scrape.address or AddressRef(scrape.member, 'ip')}:{scrape.port}"


def passwords(directory: Directory) -> tuple[SecretRef, ...]:
    """Those that are needed to ask and to tell, each once."""
    everybody = (scrape for scrapes in directory.watched.values() for scrape in scrapes)
    refs = (scrape.password for scrape in (*everybody, *directory.alerting))
    return tuple(dict.fromkeys(ref for ref in refs if ref is not None))


def password_file(folder: str, ref: SecretRef) -> str:
    """A file of its own for each: Prometheus reads it anew for every request."""
    kind = "given-" if ref.given else ""
    return f"{folder}/{kind}{ref.name.replace('/', '_')}.password"
