"""The environment's lock: a Lease whose token only grows, kept by the API server's own versions."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from opsctl.errors import Exit, OpsError
from opsctl.planning.observation import Holder, Turn
from opsctl.ports import OUT_OF_REACH, Fence
from opsctl.targets.kubernetes.api import AWAY, Api
from opsctl.targets.kubernetes.clock import Clock
from opsctl.targets.kubernetes.kinds import KINDS
from opsctl.targets.kubernetes.live import ENVIRONMENT, annotated
from opsctl.targets.kubernetes.site import Manifest, Site

NAME: Final = "opsctl"
TOKEN: Final = "opsctl.dev/token"  # noqa: S105 - a number that grows, no secret
TRIES: Final = 5  # times that another caller may be quicker by a moment
_STAMP: Final = "%Y-%m-%dT%H:%M:%S.%fZ"


class Lock:
    """Times are by the API server's clock, so that callers need not agree on theirs."""

    def __init__(self, api: Api, site: Site, clock: Clock) -> None:
        self._api, self._site, self._clock = api, site, clock
        self._all = KINDS["Lease"].path(site.namespace)
        self._path = KINDS["Lease"].path(site.namespace, NAME)

    def acquire(self, who: str, ttl: float) -> Fence:
        """Raises lock/held (exit 7)."""
        for _ in range(TRIES):
            lease = self._api.get(self._path)
            held = holder(lease, self._clock.now()) if lease else None
            if held:
                raise _held(held)
            fence = Fence((_token(lease) if lease else 0) + 1, who)
            if self._write(lease, fence, ttl):
                return fence
        raise OpsError(
            "lock/held",
            "others are taking the lock at this moment",
            where=self._site.where,
            hint="try again",
            exit=Exit.LOCKED,
        )

    def renew(self, fence: Fence, ttl: float) -> None:
        """Raises lock/lost, also when it ran out: whoever looked since then saw that nobody has it.
        OUT_OF_REACH when the API server does not answer."""
        try:
            for _ in range(TRIES):
                lease = self._api.get(self._path)
                if lease is None or not self._holds(lease, fence):
                    raise _lost(lease, self._site.where, fence)
                if self._write(lease, fence, ttl):
                    return
        except OpsError as error:
            if error.code != "kubernetes/unreachable":
                raise
            raise OpsError(
                OUT_OF_REACH,
                f"the lock can't be renewed: {error.message}",
                where=error.where,
                hint=error.hint,
                exit=Exit.PARTLY,
            ) from None
        raise _lost(None, self._site.where, fence)

    def release(self, fence: Fence) -> None:
        """Leaves it free; does nothing where it is not held with this token any more, or where
        nobody answers: it runs out by itself."""
        try:
            lease = self._api.get(self._path)
            if lease is not None and _is_of(lease, fence):
                self._write(lease, Fence(fence.token, ""), 1)
        except OpsError as error:
            if error.code != "kubernetes/unreachable":
                raise

    def take(self) -> Holder | None:
        """Takes it from whoever has it and leaves it free; gives who had it."""
        for _ in range(TRIES):
            lease = self._api.get(self._path)
            if lease is None:
                return None
            held = holder(lease, self._clock.now())
            if self._write(lease, Fence(_token(lease) + 1, ""), 1):
                return held
        raise OpsError("lock/held", "others are changing the lock", hint="try again")

    def check(self, fence: Fence) -> None:
        """Raises kubernetes/fenced when another has had the lock since, or when it ran out. Waits
        for a server that is away, as all that is done in the middle of work does."""
        lease = self._api.patient(AWAY).get(self._path)
        if lease is None or not self._holds(lease, fence):
            mine = lease is not None and _is_of(lease, fence)
            what = "the lock ran out" if mine else "another caller has the lock now"
            raise OpsError(
                "kubernetes/fenced",
                f"{what}; nothing more is done with this one",
                where=self._site.where,
                hint="opsctl status shows who; then apply again",
                exit=Exit.PARTLY,
            )

    def _holds(self, lease: Manifest, fence: Fence) -> bool:
        return _is_of(lease, fence) and holder(lease, self._clock.now()) is not None

    def _write(self, lease: Manifest | None, fence: Fence, ttl: float) -> bool:
        """Whether nobody was quicker."""
        made = _lease(self._site, lease, fence, ttl, self._clock.now())
        try:
            if lease is None:
                self._api.create(self._all, made)
            else:
                self._api.replace(self._path, made)
        except OpsError as error:
            if error.code in ("kubernetes/exists", "kubernetes/changed-meanwhile"):
                return False
            raise
        return True


def holder(lease: Manifest, now: float) -> Holder | None:
    """Who holds it; None when it is free or ran out."""
    spec: Mapping[str, Any] = lease.get("spec") or {}
    if not _who(lease) or "renewTime" not in spec:
        return None
    expires = _seconds(spec["renewTime"]) + float(spec.get("leaseDurationSeconds") or 0)
    since = _seconds(spec.get("acquireTime") or spec["renewTime"])
    return Holder(_token(lease), _who(lease), since, expires) if expires > now else None


def turn(lease: Manifest | None, now: float) -> Turn:
    """The newest token, and who holds it."""
    if lease is None:
        return Turn(0)
    held = holder(lease, now)
    return Turn(_token(lease), held.holder if held else "")


def _lease(site: Site, before: Manifest | None, fence: Fence, ttl: float, now: float) -> Manifest:
    renewed = before is not None and _is_of(before, fence)
    since = before["spec"].get("acquireTime") if before and renewed else None
    metadata = site.metadata(NAME, {ENVIRONMENT: site.environment})
    metadata["annotations"] = {TOKEN: str(fence.token)}
    if before is not None:
        metadata["resourceVersion"] = before["metadata"]["resourceVersion"]
    return {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": metadata,
        "spec": {
            "holderIdentity": fence.holder,
            "leaseDurationSeconds": max(1, round(ttl)),
            "acquireTime": since or _stamp(now),
            "renewTime": _stamp(now),
        },
    }


def _token(lease: Manifest) -> int:
    said = annotated(lease).get(TOKEN, "0")
    return int(said) if said.isdecimal() else 0


def _is_of(lease: Manifest, fence: Fence) -> bool:
    """A token alone is not enough: of a Lease that somebody removed they begin again."""
    return (_token(lease), _who(lease)) == (fence.token, fence.holder)


def _who(lease: Manifest) -> str:
    return str((lease.get("spec") or {}).get("holderIdentity") or "")


def _stamp(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime(_STAMP)


def _seconds(stamp: str) -> float:
    return datetime.fromisoformat(stamp.replace("Z", "+00:00")).timestamp()


def _held(held: Holder) -> OpsError:
    return OpsError(
        "lock/held",
        f"{held.holder} holds it since {_at(held.since)}, until {_at(held.expires)}",
        hint="wait, or opsctl lock release --reason ... if that one is gone",
        exit=Exit.LOCKED,
    )


def _lost(lease: Manifest | None, where: str, fence: Fence) -> OpsError:
    if lease is None or not _who(lease):
        now = "somebody released it"
    elif _is_of(lease, fence):
        now = "it was not renewed in time and ran out"
    else:
        now = f"{_who(lease)} has it now"
    return OpsError(
        "lock/lost",
        f"the lock was lost: {now}",
        where=where,
        hint="opsctl status; then apply again",
        exit=Exit.PARTLY,
    )


def _at(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%H:%M:%S} UTC"
