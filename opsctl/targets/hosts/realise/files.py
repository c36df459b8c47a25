"""Configuration files: compared by fingerprint, shown with secrets masked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from opsctl.planning.resource import Resource, ResourceId
from opsctl.targets.certificates import described
from opsctl.targets.hosts.realise.context import Context, Payload
from opsctl.workload import CertRef, ConfigFile, Member, Seat, Text, Workload


def files(
    context: Context, workload: Workload, member: Member, folders: Sequence[Resource]
) -> tuple[Resource, ...]:
    found = []
    for component in member.components:
        for file in component.all_files:
            name = context.id("file", member.seat.node, file.path)
            needs = tuple(folder.id for folder in folders if folder.id.name == file.folder)
            if file.life == "seeded":
                made = seeded_file(context, workload.service, member, component.user, file, needs)
            elif (ref := _certificate(file.text)) is not None:
                made = _proof(context, name, workload, member, component.user, file, ref, needs)
            else:
                made = whole_file(
                    context, name, workload.service, file.text, file.mode,
                    owner=f"root:{component.user}", member=member.name, seat=member.seat,
                    needs=needs, more=_check(file, component.user),
                )  # fmt: skip
            found.append(made)
    return tuple(found)


def whole_file(
    context: Context,
    name: ResourceId,
    service: str,
    text: Text,
    mode: str,
    *,
    owner: str = "root:root",
    member: str = "",
    seat: Seat | None = None,
    needs: tuple[ResourceId, ...] = (),
    early: bool = False,
    more: Mapping[str, object] | None = None,
) -> Resource:
    """A file whose every byte is opsctl's. `early` ones are written before packages are fetched;
    `more` is what must hold before it is put in place, for the host's program."""
    text = context.resolved(text)
    known = {"secret": bool(text.secrets), "mode": mode, "owner": owner, "early": early}
    spec: dict[str, object] = {**known, **(more or {})}
    return Resource(
        id=name,
        service=service,
        member=member,
        desired={"content": context.fingerprint(text), "mode": mode, "owner": owner},
        text=text.masked(context.address),
        needs=needs,
        payload=Payload(spec, text, seat),
    )


def _check(file: ConfigFile, user: str) -> Mapping[str, object]:
    """What judges new content, with the rights of the process that will read it."""
    return {"check": {"argv": list(file.check), "user": user}} if file.check else {}


def seeded_file(
    context: Context,
    service: str,
    member: Member,
    user: str,
    file: ConfigFile,
    needs: tuple[ResourceId, ...] = (),
) -> Resource:
    """Written once, the server's own afterwards: only its existence is compared."""
    text = context.resolved(file.text)
    owner = f"{user}:{user}"
    return Resource(
        id=context.id("file", member.seat.node, file.path),
        service=service,
        member=member.name,
        desired={"present": "yes"},
        needs=needs,
        payload=Payload({"seeded": True, "mode": file.mode, "owner": owner}, text, member.seat),
    )


def _certificate(text: Text) -> CertRef | None:
    """The one that a file holds and nothing else."""
    only = text.parts[0] if len(text.parts) == 1 else None
    return only if isinstance(only, CertRef) and only.what == "certificate" else None


def _proof(
    context: Context,
    name: ResourceId,
    workload: Workload,
    member: Member,
    user: str,
    file: ConfigFile,
    ref: CertRef,
    needs: tuple[ResourceId, ...],
) -> Resource:
    """A certificate: a file whose content people are told in words."""
    whole = whole_file(
        context, name, workload.service, file.text, file.mode,
        owner=f"root:{user}", member=member.name, seat=member.seat, needs=needs,
    )  # fmt: skip
    assert isinstance(whole.payload, Payload)
    content = context.filled(file.text)
    said = context.secrets.certified(content) if content is not None else None
    return replace(
        whole,
        text=described(said) if said is not None else whole.text,
        payload=replace(whole.payload, certificate=ref.name),
    )
