"""Manifests as resources: identity, fingerprints, what a change costs, what comes first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from opsctl.planning.resource import Impact, Resource, ResourceId
from opsctl.ports.secrets import Secrets
from opsctl.targets.kubernetes.configmap import config_map, further_maps
from opsctl.targets.kubernetes.fingerprints import digest, keyed
from opsctl.targets.kubernetes.jobs import all_jobs, claim, claim_name, cron_job
from opsctl.targets.kubernetes.pod import job_pod_spec
from opsctl.targets.kubernetes.puts import fingerprint, puts
from opsctl.targets.kubernetes.secret import secret, secret_sources
from opsctl.targets.kubernetes.service import member_service
from opsctl.targets.kubernetes.site import (
    Manifest,
    Payload,
    Placed,
    Site,
    discovers,
    group_name,
    proves,
)
from opsctl.targets.kubernetes.sources import Source, peers, sources
from opsctl.targets.kubernetes.statefulset import start_secrets, stateful_set
from opsctl.targets.kubernetes.yaml_text import yaml_text
from opsctl.workload import Effect, Member

# Everything of an object that no attribute of its own names.
MANIFEST: Final = "manifest"
# Of a running pod: what it was started with, the secrets among that, what it took in since by a
# reload, and the files that programs beside its servers read.
POD: Final = "pod"
SECRETS: Final = "secrets"
TAKEN: Final = "taken"
FILES: Final = "files"

_COSTS: Final[Mapping[Effect, Impact]] = {
    "none": Impact.NONE,
    "reload": Impact.RELOAD,
    "restart": Impact.RESTART,
}


@dataclass(frozen=True, slots=True)
class Facets:
    """What is known of a manifest beyond its text."""

    desired: Mapping[str, str | None]
    impact: Mapping[str, Impact] = field(default_factory=dict)
    needs: tuple[ResourceId, ...] = ()
    payload: Payload | None = None
    protected: bool = False
    component: str = ""
    proves: bool = False


def identity(site: Site, kind: str, name: str) -> ResourceId:
    return ResourceId(kind, site.where, name)


def resource(
    site: Site, manifest: Manifest, service: str, member: str = "", facets: Facets | None = None
) -> Resource:
    """The resource of one manifest; without facets it is compared as a whole."""
    known = facets or Facets({MANIFEST: digest(manifest)})
    return Resource(
        id=identity(site, manifest["kind"], manifest["metadata"]["name"]),
        service=service,
        member=member,
        desired=known.desired,
        text=yaml_text(manifest),
        impact=known.impact,
        protected=known.protected,
        needs=known.needs,
        component=known.component,
        proves=known.proves,
        payload=known.payload or Payload(manifest),
    )


def member_resources(placed: Placed, secrets: Secrets, protected: bool) -> Iterable[Resource]:
    """Everything that one member consists of, in the order it is created."""
    site, service = placed.site, placed.workload.service
    yield resource(site, member_service(placed), service, placed.name)
    for plain in (config_map(placed), *further_maps(placed)):
        yield resource(site, plain, service, placed.name, plain_facets(placed, plain))
    if hidden := secret(placed):
        yield resource(site, hidden, service, placed.name, secret_facets(placed, hidden, secrets))
    jobs = tuple(all_jobs(placed))
    for _, job in jobs:
        yield resource(site, claim(placed, job), service, placed.name)
    pod = stateful_set(placed)
    yield resource(site, pod, service, placed.name, _pod_facets(placed, pod, secrets, protected))
    for component, job in jobs:
        times = cron_job(placed, job, job_pod_spec(placed, component, job))
        facets = Facets({MANIFEST: digest(times)}, needs=needs(placed))
        yield resource(site, times, service, placed.name, facets)


def plain_facets(placed: Placed, manifest: Manifest) -> Facets:
    """File by file, so that a change costs what that file's server needs to take it in."""
    texts: Mapping[str, str] = manifest["data"]
    files = tuple(one for one in sources(placed.member) if not one.secret and one.key in texts)
    keys = {one.key for one in files}
    own = {key: text for key, text in texts.items() if key not in keys}
    desired = {MANIFEST: digest([manifest["metadata"], own])} | {
        one.key: digest(texts[one.key]) for one in files
    }
    return Facets(desired, _impacts(files))


def secret_facets(placed: Placed, manifest: Manifest, secrets: Secrets) -> Facets:
    files = secret_sources(placed)
    desired: dict[str, str | None] = {MANIFEST: digest([manifest["metadata"], manifest["type"]])}
    desired |= {one.key: keyed(placed.site, [one.file.text], secrets) for one in files}
    bare = {key: value for key, value in manifest.items() if key != "stringData"}
    texts = {one.key: one.file.text for one in files}
    payload = Payload(bare, texts, masked=manifest["stringData"])
    return Facets(desired, _impacts(files), payload=payload, proves=proves(placed.member))


def _impacts(files: Iterable[Source]) -> dict[str, Impact]:
    """A seeded file is the server's own once it is there: changing the seed changes nothing."""
    managed = (one for one in files if one.file.life == "managed")
    return {one.key: _COSTS[one.file.effect] for one in managed}


def _pod_facets(placed: Placed, manifest: Manifest, secrets: Secrets, protected: bool) -> Facets:
    spec = manifest["spec"]
    outside = {key: value for key, value in spec.items() if key != "template"}
    desired: dict[str, str | None] = {
        MANIFEST: digest([manifest["metadata"], outside]),
        POD: digest(spec["template"]),
    }
    wishes = tuple(wish for part in placed.member.components for wish in part.kernel)
    return Facets(
        desired | taken_in(placed, secrets),
        {POD: Impact.RESTART, **process_impacts()},
        needs=needs(placed),
        payload=Payload(manifest, wishes=wishes, seat=placed.member.seat, puts=puts(placed)),
        protected=protected and "volumeClaimTemplates" in spec,
        component=_speaker(placed.member),
        proves=proves(placed.member),
    )


def _speaker(member: Member) -> str:
    """Whose standing tells what restarting the pod costs: all its components go at once, and who
    keeps data has the role, such as the server beside a Sentinel."""
    asked = [part for part in member.components if part.health is not None]
    keeping = (part.name for part in sorted(asked, key=lambda part: not part.volumes))
    return next(keeping, member.components[0].name)


def taken_in(placed: Placed, secrets: Secrets) -> dict[str, str | None]:
    """What a pod should have of its files beyond what its template says."""
    found: dict[str, str | None] = {}
    if texts := start_secrets(placed):
        found[SECRETS] = keyed(placed.site, texts, secrets)
    files = puts(placed)
    for attribute, some in (
        (TAKEN, [put for put in files if put.reload]),
        (FILES, [put for put in files if not put.reload]),
    ):
        if some:
            found[attribute] = fingerprint(placed.site, some, secrets)
    return found


def process_impacts() -> dict[str, Impact]:
    """What it costs a running pod to get them."""
    return {SECRETS: Impact.RESTART, TAKEN: Impact.RELOAD, FILES: Impact.NONE}


def needs(placed: Placed) -> tuple[ResourceId, ...]:
    """Its files, its governing Service, and the Services whose addresses its files hold."""
    site = placed.site
    hosts = [placed.name, group_name(placed.workload, placed.group), *peers(placed.member)]
    found = [identity(site, "Service", name) for name in dict.fromkeys(hosts)]
    further = (one["metadata"]["name"] for one in further_maps(placed))
    found += [identity(site, "ConfigMap", name) for name in (placed.name, *further)]
    if secret_sources(placed):
        found.append(identity(site, "Secret", placed.name))
    if discovers(placed.member):
        found.append(identity(site, "ServiceAccount", placed.account))
    claimed = (claim_name(placed, job) for _, job in all_jobs(placed))
    found += [identity(site, "PersistentVolumeClaim", name) for name in claimed]
    return tuple(found)
