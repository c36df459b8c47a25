"""The environment's lock on this host, and the fence that every change passes.

lock.json holds {token, holder, since, expires, highest}; `highest` survives a release, so tokens
only grow. Until the next boot its time runs by a clock that nobody sets, {boot, until}: the change
under way may be the one that sets the host's right. Two flocks: `lock.mutex` for a moment around
lock.json; `lock.changes` shared by each change while it happens and exclusive for a new holder, so
that no change of an old holder can still be under way once the new one has begun.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable
from typing import Any

from . import places
from .shell import RefusedError

BOOT = "/proc/sys/kernel/random/boot_id"
PATIENCE = 5.0  # seconds a new holder waits for a change of the last one to end
GLIMPSE = 0.05  # seconds of an onlooker, who may meet another one


class Flock:
    """Holds a flock. Raises hosts/busy when it can't be had within `patience` seconds.

    `then` is called as soon as it is held, and raises to let it go again.
    """

    def __init__(
        self, path: str, how: int, patience: float, then: Callable[[], None] | None = None
    ):
        self.path, self.how, self.patience, self.then = path, how, patience, then

    def __enter__(self) -> None:
        self.handle = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            self._wait(time.monotonic() + self.patience)
            if self.then:
                self.then()
        except BaseException:
            os.close(self.handle)
            raise

    def __exit__(self, *about: object) -> None:
        os.close(self.handle)

    def _wait(self, end: float) -> None:
        while True:
            try:
                fcntl.flock(self.handle, self.how | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > end:
                    message = f"{self.path} is held: a change is still under way"
                    raise RefusedError("hosts/busy", message, "try again in a moment") from None
                time.sleep(0.02)
            else:
                return


class Lock:
    """The lock of one environment; every method reads the file anew."""

    def __init__(self, environment: str):
        self.path = places.state(environment, "lock.json")

    def read(self) -> dict[str, Any]:
        held: dict[str, Any] = places.read_json(self.path) or {"token": 0, "highest": 0}
        boot, until = held.pop("boot", ""), held.pop("until", 0.0)
        if boot and boot == _boot():
            held["expires"] = time.time() + until - _since_boot()
        return held

    def head(self) -> dict[str, Any]:
        """What an onlooker may know, with this host's time. A holder whose time is over has its
        turn still while its last change goes on: `changing`."""
        held, now = self.read(), time.time()
        if held["token"] and not live(held) and self._changing():
            held.update(expires=now + PATIENCE, changing=True)
        return {**held, "now": now}

    def _changing(self) -> bool:
        try:
            with self.changes(fcntl.LOCK_EX, patience=GLIMPSE):
                return False
        except RefusedError:
            return True

    def acquire(
        self, token: int, holder: str, ttl: float, by_force: bool = False
    ) -> dict[str, Any]:
        """Take the lock with `token` for `ttl` seconds; {"granted": bool, **what stands now}.

        Refused while another holder's time runs, or when `token` is not beyond all seen here. By
        force it ends the other's turn at once, for who only lets it go again: the change that is
        under way is the last one, and the next holder waits for its end.
        """
        places.make_folder(os.path.dirname(self.path))
        places.make_folder(places.below(places.AGENT), 0o700)
        with self._mutex():
            held = self.read()
            if (live(held) and not by_force) or token <= held["highest"]:
                return {"granted": False, **held, "now": time.time()}
            if by_force:
                return {"granted": True, **self._take(token, holder, ttl)}
        with self.changes(fcntl.LOCK_EX), self._mutex():
            held = self.read()
            if live(held) or token <= held["highest"]:
                return {"granted": False, **held, "now": time.time()}
            return {"granted": True, **self._take(token, holder, ttl)}

    def renew(self, token: int, holder: str, ttl: float, again: bool = False) -> dict[str, Any]:
        """Hold it for `ttl` seconds from now. Where it ran out, only `again` takes it up: whoever
        looked since then saw that nobody has it, so that most hosts must have it still."""
        places.make_folder(os.path.dirname(self.path))
        with self._mutex():
            held = self.read()
            mine = held["token"] == token and held["holder"] == holder
            now = time.time()
            if held["highest"] > token or (not mine and live(held)):
                return {"granted": False, **held, "now": now}
            if mine and not live(held) and not again:
                return {"granted": False, "ran_out": True, **held, "now": now}
            since = held.get("since") if mine else None
            return {"granted": True, **self._take(token, holder, ttl, since)}

    def release(self, token: int, holder: str) -> dict[str, Any]:
        """Let it go, if it is this holder's: two that try at once may try with one token."""
        if not os.path.exists(self.path):
            return {"granted": True}
        with self._mutex():
            held = self.read()
            if held["token"] == token and held["holder"] == holder:
                places.write_json(self.path, {"token": 0, "highest": held["highest"]})
        return {"granted": True}

    def check(self, token: int, holder: str) -> None:
        """Raises hosts/fenced unless `token` is the newest here and its time runs.

        A host that was away when the lock was taken sees the newer token first with the work.
        """
        with self._mutex():
            held = self.read()
            other = held["token"] == token and held["holder"] != holder
            newer = held["highest"] > token or other
            if newer or (held["token"] == token and held.get("expires", 0) < time.time()):
                who = f"{held.get('holder', 'somebody else')} came after" if newer else "it ran out"
                message = f"the lock of {holder} (token {token}) is no longer valid: {who}"
                raise RefusedError("hosts/fenced", message, "opsctl status; then apply again")
            if held["highest"] < token:
                self._take(token, holder, 60)

    def guard(self, token: int, holder: str) -> Flock:
        """Around each change: nobody else's turn begins before it ends."""
        if self.read()["highest"] < token:
            # Away or busy when the lock was taken: here the turn begins now, as in `acquire`.
            places.make_folder(os.path.dirname(self.path))
            with self.changes(fcntl.LOCK_EX):
                self.check(token, holder)
        return self.changes(fcntl.LOCK_SH, lambda: self.check(token, holder))

    def unheld(self) -> Flock:
        """Around each change of somebody without a lock. Raises hosts/held while another has it."""
        places.make_folder(os.path.dirname(self.path))
        return self.changes(fcntl.LOCK_SH, self._refuse_held)

    def _refuse_held(self) -> None:
        held = self.read()
        if live(held):
            message = f"{held['holder']} holds this environment's lock"
            raise RefusedError("hosts/held", message, "wait until that one is done")

    def changes(
        self, how: int, then: Callable[[], None] | None = None, patience: float = PATIENCE
    ) -> Flock:
        return Flock(self.path.replace("lock.json", "lock.changes"), how, patience, then)

    def _take(
        self, token: int, holder: str, ttl: float, since: float | None = None
    ) -> dict[str, Any]:
        now = time.time()
        began = now if since is None else since
        taken = {"token": token, "holder": holder, "since": began, "expires": now + ttl}
        steady = {"boot": _boot(), "until": _since_boot() + ttl}
        places.write_json(self.path, {**taken, "highest": token, **steady})
        return taken

    def _mutex(self) -> Flock:
        return Flock(self.path.replace("lock.json", "lock.mutex"), fcntl.LOCK_EX, PATIENCE)


def live(held: dict[str, Any]) -> bool:
    return bool(held.get("token")) and float(held.get("expires", 0)) > time.time()


def _since_boot() -> float:
    """Seconds, those in which the machine slept included."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def _boot() -> str:
    with open(BOOT, encoding="ascii") as file:
        return file.read().strip()
