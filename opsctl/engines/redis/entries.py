"""The roles that routes lead to, and how a balancer finds out who has them."""

from __future__ import annotations

from opsctl.engines.redis.cast import REDIS, SENTINEL, Cast
from opsctl.engines.redis.proving import prove_route
from opsctl.engines.redis.users import PROBE, ROUTE, secret
from opsctl.errors import SpecError
from opsctl.workload import NEW, AddressRef, Backend, Check, Entry, Say, Text, Voter
from opsctl.workload.entries import Role

_KEPT = 60  # seconds until what was written on trial goes by itself
_LONGEST = 300  # seconds of lag that a pattern of bearable length can tell apart

# Replies as the protocol has them: a count, then each word behind its own length.
_MASTER = "$6\r\nmaster\r\n"
_FOLLOWS = (
    r"\$5" "\r\n" "slave\r\n" r"\$[0-9]+" "\r\n[^\r]+\r\n:[0-9]+\r\n" r"\$9" "\r\nconnected\r\n"
)


def entries(cast: Cast) -> tuple[Entry, ...]:
    """Primary, replica, and any member that answers."""
    return (
        _entry(cast, "primary", _say("ROLE", _MASTER)),
        _entry(cast, "replica", _say("ROLE", _FOLLOWS, pattern=True)),
        _entry(cast, "any", _say("PING", "+PONG")),
    )


def _entry(cast: Cast, role: Role, question: Say) -> Entry:
    agreed = role == "primary" and cast.sentinel
    backends = tuple(
        Backend(
            member=seat.member,
            host=Text((AddressRef(seat.member, "ip"),)),
            port=seat.ports[REDIS],
            check=Check(seat.ports[REDIS], (_login(cast), question)),
            voters=_voters(cast, seat.member) if agreed else (),
            needed=cast.majority if agreed else 0,
            vetoes=_vetoes(cast, seat.member) if agreed else (),
            node=seat.node,
        )
        for seat in cast.seats
    )
    fresh = (lambda seconds: _fresh(cast, seconds)) if role == "replica" else None
    port = cast.seats[0].ports[REDIS]
    return Entry(
        role=role,
        scheme="redis",
        port=port,
        backends=backends,
        timing=cast.preset.timing,
        fresh=fresh,
        prove=lambda standings, host, door: prove_route(cast, role, standings, host, door),
        trial=(lambda name: _trial(cast, role, name)) if cast.service.probed else None,
    )


def _trial(cast: Cast, role: Role, name: str) -> tuple[Say, ...]:
    """A primary keeps a key for a while and gives it back; others answer, if only that they have
    none."""
    key = f"{PROBE}:{name}"
    login = _say(f"AUTH {PROBE} {secret(cast.name, PROBE, 'plain')}", "+OK")
    if role != "primary":
        return (login, _say(f"GET {key}", "$"))
    return (
        login,
        _say(f"SET {key} {NEW} EX {_KEPT}", "+OK"),
        _say(f"GET {key}", f"$16\r\n{NEW}\r\n"),
    )


def _say(command: str, answer: str, *, pattern: bool = False) -> Say:
    return Say(Text.parse(f"{command}\r\n"), Text.parse(answer), pattern)


def _login(cast: Cast) -> Say:
    """As the user that may ask for the role and no more."""
    password = secret(cast.name, ROUTE, "plain")
    return _say(f"AUTH {ROUTE} {password}", "+OK")


def _voters(cast: Cast, member: str) -> tuple[Voter, ...]:
    """Every Sentinel, asked whether it believes in the member."""
    host, port = AddressRef(member, "ip"), cast.seat(member).ports[REDIS]
    # Whole words, each between line ends: 10.0.0.1 must not be found in 10.0.0.10.
    named = f"\r\n{host}\r\n${len(str(port))}\r\n{port}\r\n"
    question = _say(f"SENTINEL get-master-addr-by-name {cast.name}", named)
    return tuple(
        Voter(seat.member, Check(seat.ports[SENTINEL], (_login(cast), question)))
        for seat in cast.seats
    )


def _vetoes(cast: Cast, member: str) -> tuple[Voter, ...]:
    """Every Sentinel, asked whether it is replacing the member, or about to.

    A failover goes on when the primary comes back in the middle of it: what clients write there
    then is lost. The others vote for it until they have heard of the end.
    """
    words = r"\$[0-9]+"
    replaced = (
        f"\r\nip\r\n{words}\r\n{AddressRef(member, 'ip')}\r\n{words}\r\nport\r\n{words}\r\n"
        # No group over the rest: the balancer's matcher gives up on long answers then.
        f"{cast.seat(member).ports[REDIS]}\r\n[^|]*"
        f"\r\nflags\r\n{words}\r\n[a-z_,]*(o_down|failover_in_progress)"
    )
    question = _say(f"SENTINEL MASTER {cast.name}", replaced, pattern=True)
    return tuple(
        Voter(seat.member, Check(seat.ports[SENTINEL], (_login(cast), question)))
        for seat in cast.seats
    )


def _fresh(cast: Cast, seconds: float) -> tuple[Say, ...]:
    """A replica says when it last heard of its primary, in whole seconds; SpecError otherwise.

    Bytes of lag can't be had from one server: the primary's offset is known to the primary.
    """
    period = int(str(cast.service.settings.get("repl-ping-replica-period", 10)))
    whole = int(seconds)
    if whole != seconds or whole > _LONGEST:
        raise SpecError(
            "redis/lag",
            f"{cast.name} tells lag in whole seconds, up to {_LONGEST}",
            hint="such as max_lag: 15s",
        )
    if whole <= period:
        # Then an idle primary would look like a lagging replica.
        raise SpecError(
            "redis/lag",
            f"a primary without writes is heard of every {period} s, which looks like lag",
            hint=f"max_lag: {period + 1}s or more, or settings: {{repl-ping-replica-period: 1}}",
        )
    times = "|".join(str(second) for second in range(whole + 1))
    pattern = f"master_link_status:up\r\nmaster_last_io_seconds_ago:({times})\r\n"
    return (_say("INFO replication", pattern, pattern=True),)
