"""What a Prometheus that others run is given: targets, rules, a snippet that names them.

Paths in the snippet are relative: Prometheus reads them beside the file that names them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

import yaml

from opsctl.workload import AddressRef, Directory, Scrape, SecretRef, Text

SNIPPET, README = "scrape.yaml", "README.md"
AUTHORITY, CLIENT = "ca.pem", "client.pem"  # whom it believes, and what it proves itself with
Address = Callable[[AddressRef], str]


@dataclass(frozen=True, slots=True)
class _Job:
    """Targets that are asked in one way."""

    name: str
    scrapes: tuple[Scrape, ...]

    @property
    def one(self) -> Scrape:
        return self.scrapes[0]

    @property
    def file(self) -> str:
        return f"targets/{self.name.replace('/', '-')}.json"


def handed_over(
    directory: Directory, address: Address, interval: float, folder: str
) -> Mapping[str, str]:
    """By path below `folder`, every file: no secret is in any. `interval`: seconds between two
    looks that alerts count on."""
    jobs = tuple(_jobs(directory))
    return {
        README: _readme(directory, jobs, interval, folder),
        SNIPPET: _snippet(jobs),
        **{job.file: _targets(directory.environment, job, address) for job in jobs},
        **{f"rules/{name}": text for name, text in sorted(directory.rules.items())},
    }


def _jobs(directory: Directory) -> Iterator[_Job]:
    for service, scrapes in sorted(directory.watched.items()):
        for (job, *_), several in groupby(sorted(scrapes, key=_way), key=_way):
            yield _Job(f"{directory.environment}/{service}/{job}", tuple(several))


def _way(scrape: Scrape) -> tuple[str, str, str, str]:
    return scrape.job, scrape.path, scrape.user, scrape.password.name if scrape.password else ""


def _targets(environment: str, job: _Job, address: Address) -> str:
    """Prometheus's file of targets."""

    def filled(text: str) -> str:
        return Text.parse(text).masked(address)

    service = job.name.split("/")[1]
    found = [
        {
            "targets": [f"{address(AddressRef(one.member, 'ip'))}:{one.port}"],
            "labels": {
                "job": one.job,
                "environment": environment,
                "service": service,
                "member": one.member,
                "host": one.host,
                **{name: filled(value) for name, value in one.labels.items()},
                **{f"__param_{name}": filled(value) for name, value in sorted(one.params.items())},
            },
        }
        for one in sorted(job.scrapes, key=lambda one: one.member)
    ]
    return json.dumps(found, indent=1, ensure_ascii=False) + "\n"


def _snippet(jobs: Sequence[_Job]) -> str:
    document = {"scrape_configs": [dict(_config(job)) for job in jobs]}
    return "# Written by `opsctl render monitoring`.\n" + yaml.safe_dump(document, sort_keys=False)


def _config(job: _Job) -> Iterator[tuple[str, object]]:
    yield "job_name", job.name
    yield "metrics_path", job.one.path
    if job.one.tls != "none":
        client = {"cert_file": CLIENT, "key_file": CLIENT} if job.one.tls == "mutual" else {}
        yield "scheme", "https"
        yield "tls_config", {"ca_file": AUTHORITY, **client}
    if job.one.password:
        login = {"username": job.one.user, "password_file": password_file(job.one.password)}
        yield "basic_auth", login
    yield "file_sd_configs", [{"files": [job.file]}]


def password_file(ref: SecretRef) -> str:
    return f"passwords/{ref.name.replace('/', '_')}"


def _proofs(jobs: Sequence[_Job]) -> Iterator[str]:
    ways = {job.one.tls for job in jobs}
    if ways - {"none"}:
        yield f"\nopsctl cert show-ca > {AUTHORITY}"
    if "mutual" in ways:
        yield f"opsctl cert client prometheus > {CLIENT}"


def _readme(directory: Directory, jobs: Sequence[_Job], interval: float, folder: str) -> str:
    names = sorted({job.one.password.name for job in jobs if job.one.password})
    commands = "\n".join(
        f"opsctl secrets show {name} > {password_file(SecretRef(name))}" for name in names
    )
    proofs = "\n".join(_proofs(jobs))
    return f"""\
# {directory.environment}, for a Prometheus that is already there

Written by `opsctl render monitoring`; write it anew after every apply that adds or removes members.

1. Put this folder where Prometheus reads it, such as {folder}.
2. Put passwords and certificates beside it, readable for Prometheus alone; opsctl writes none of
   them down. A client's certificate lasts for 30 to 90 days, so do this anew every month:

```sh
umask 077
mkdir -p passwords
{commands}{proofs}
```

3. Include two lines in prometheus.yml, then reload it:

```yaml
rule_files: [{folder}/rules/*.yaml]
scrape_config_files: [{folder}/{SNIPPET}]
```

Targets that come or go later are seen without a reload; new rules and jobs want one. Before 2.43
Prometheus has no scrape_config_files: add the entries of {SNIPPET} to its scrape_configs, with
the folder's full path before each file that they name.

Alerts count on a `scrape_interval` and `evaluation_interval` of {interval:g}s or less, and on the
labels that stand in targets/: nothing may rewrite them. For the routes of its Alertmanager alerts
carry `severity` (page or ticket), `environment`, `service`, `member` and `host`. Whether it reaches
every target (`up == 0`), how it is itself, and a dead-man alert are for its own rules.
"""
