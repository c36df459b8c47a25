"""What the servers of the Prometheus family share: how they prove themselves, who is let in, and
how they are asked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from opsctl.errors import Exit, OpsError
from opsctl.model import Environment, ServiceBase
from opsctl.workload import (
    Act,
    AddressRef,
    Answer,
    Cert,
    ConfigFile,
    Effect,
    Endpoint,
    Gate,
    Operations,
    Query,
    Render,
    Rolling,
    Scrape,
    Seat,
    SeatNeed,
    SecretRef,
    Standing,
    Standings,
    Text,
)

USER = "opsctl"  # who is let in at their web pages
ACCOUNT = "prometheus"  # the system's account that each of Debian's packages makes
WEB = "web"  # the port's name
NODE_EXPORTER = "1.9"  # the version that an image of it has
AUTHORITY_FILE = "ca.pem"  # whom a member believes, in its folder
SYSTEMS = ("debian-12", "debian-13")
MIB = 1024**2
PATIENCE = 60.0  # seconds until a server that starts must answer


def secret(service: str, form: str = "plain") -> SecretRef:
    """The password of `USER` at this service's members."""
    return SecretRef(f"{service}/user/{USER}", "bcrypt" if form == "bcrypt" else "plain")


def own(seat: Seat) -> AddressRef:
    """Where others reach the seat's member; the same words for all that are on each node."""
    return AddressRef("" if seat.near_clients else seat.member, "ip")


def title(service: str, seat: Seat) -> str:
    """Whose a file is, for people."""
    return service if seat.near_clients else seat.member


def listening(seat: Seat) -> AddressRef | str:
    """Where it listens: a pod's network is its own, and its address there is none that lasts."""
    return "" if _in_pod(seat) else own(seat)


def _in_pod(seat: Seat) -> bool:
    return seat.system == "image" and not seat.near_clients


def served_by(seat: Seat) -> str:
    """The file that says how it is served. Only a start takes in whether that is over TLS at all:
    it had another name when it was not."""
    return f"{seat.config_dir}/{'web-proved.yml' if seat.system == 'image' else 'web-tls.yml'}"


def image(software: str, version: str) -> str:
    """One that has the program under Debian's name, a shell and Python. Those of the projects
    themselves have no Python: a person maps this name to one that has."""
    return f"{software}:{version}"


def need(group: str, service: ServiceBase, usual: int) -> SeatNeed:
    """One seat per member. The port that the spec says is taken or refused; the `usual` one may be
    taken on a host, then it is another."""
    fixed = frozenset({WEB}) if service.port else frozenset[str]()
    return SeatNeed(group, service.replicas, {WEB: service.port or usual}, fixed)


def on_the_way(name: str, service: ServiceBase, environment: Environment) -> tuple[str, ...]:
    """The balancers of the service's target, and those whom their routes lead to."""
    on = service.on
    pairs = ((route.via, route.to) for route in environment.routes.values())
    names = (other for pair in pairs for other in pair if other and other != name)
    return tuple(dict.fromkeys(other for other in names if environment.services[other].on == on))


def proofs(
    service: str, seat: Seat, component: str, use: Literal["server", "both"] = "server"
) -> tuple[Cert, ...]:
    """What a component proves itself with: servers of this family read it anew for every
    connection, and what they believe for every request."""
    return (proof(service, seat, component, "web.pem", use),)


def proof(
    service: str,
    seat: Seat,
    component: str,
    file: str,
    use: Literal["server", "both"] = "server",
    effect: Effect = "none",
) -> Cert:
    """The certificate of a component, in this file of its folder."""
    return Cert(
        name=f"{service}/certificate/{title(service, seat)}/{component}",
        path=f"{seat.config_dir}/{file}",
        authority=f"{seat.config_dir}/{AUTHORITY_FILE}",
        names=_names(service, seat),
        use=use,
        effect=effect,
    )


def _names(service: str, seat: Seat) -> tuple[str | AddressRef, ...]:
    """Those that are on each node have all their files in common, so they have one name."""
    if seat.near_clients:
        return (service,)
    known = (seat.member, AddressRef(seat.member), AddressRef(seat.member, "ip"))
    return (*known, *filter(None, (called(service, seat),)))


def called(service: str, seat: Seat) -> str:
    """The name by which a member's certificate is asked for by who collects; "" for its address.
    Addresses of pods don't last, and the place that is asked for them knows members of a service
    by its name alone."""
    return service if seat.system == "image" else ""


def access_files(
    service: str, seat: Seat, render: Render, certs: tuple[Cert, ...]
) -> tuple[ConfigFile, ...]:
    """How it proves itself and who is let in, opsctl's own password, and the script that asks with
    it.

    The server reads the first anew for every request, so no change needs more than a write.
    """
    served_with = "".join(
        f"tls_server_config:\n  cert_file: {one.path}\n  key_file: {one.key}\n" for one in certs
    )
    users = f"basic_auth_users:\n  {USER}: "
    served = ConfigFile(
        served_by(seat),
        Text((f"{served_with}{users}", secret(service, "bcrypt"), "\n")),
        effect="none",
    )
    return (served, *asking_files(service, seat, render, certs))


def asking_files(
    service: str, seat: Seat, render: Render, certs: tuple[Cert, ...]
) -> tuple[ConfigFile, ...]:
    """opsctl's own password, and the script that asks with it whoever is certified so."""
    config = seat.config_dir
    return (
        ConfigFile(f"{config}/web.password", Text((secret(service), "\n")), effect="none"),
        ConfigFile(
            f"{config}/ask.py",
            render(
                "ask.py",
                member=title(service, seat),
                host="127.0.0.1" if _in_pod(seat) else own(seat),
                port=seat.ports[WEB],
                user=USER,
                password_file=f"{config}/web.password",
                authority=next((one.authority for one in certs), ""),
                # A loopback is in no certificate, and a node's address not in one that all share.
                name=title(service, seat) if seat.system == "image" else "",
            ),
            effect="none",
        ),
    )


def ask(seat: Seat, what: str) -> tuple[str, ...]:
    """The program that asks the member's server."""
    return ("python3", "-I", f"{seat.config_dir}/ask.py", what)


def health(seat: Seat, parse: Callable[[Answer], Standing]) -> Query[Standing]:
    return Query(ask(seat, "health"), parse)


def lines_of(answer: Answer) -> dict[str, str]:
    """What ask.py printed, "NAME<tab>VALUE" a line."""
    pairs = (line.partition("\t") for line in answer.stdout.splitlines())
    return {name: value for name, tab, value in pairs if tab}


def silent(answer: Answer) -> Standing:
    said = [*answer.stderr.splitlines(), *answer.stdout.splitlines()]
    return Standing("unknown", ready=False, reason=said[-1] if said else "no answer")


def answering(answer: Answer) -> Standing:
    """Ready when it answered; what it said of itself as details."""
    if answer.exit != 0:
        return silent(answer)
    return Standing("replica", ready=True, details=lines_of(answer))


def counted(seats: tuple[Seat, ...]) -> dict[str, float]:
    """How many members there are, for rules; nothing of those that are on each node of a cluster,
    whose number is its own business."""
    return {} if any(seat.near_clients for seat in seats) else {"members": len(seats)}


def scrape(service: str, seat: Seat, job: str) -> Scrape:
    return Scrape(
        job,
        seat.member,
        seat.ports[WEB],
        user=USER,
        password=secret(service),
        tls="server",
        called=called(service, seat),
    )


def endpoint(service: str, seat: Seat, component: str) -> Endpoint:
    return Endpoint(
        member=seat.member,
        component=component,
        port=WEB,
        user=USER,
        password=secret(service),
        scheme="https",
    )


def anything() -> Gate:
    """Clients of the services that are watched notice nothing."""
    return Gate("nothing else: no client of a service waits for it", lambda _standings: "")


def one_by_one(seats: tuple[Seat, ...], component: str) -> Rolling:
    """A change goes round with nothing to hand over; each answers before the next is taken."""
    return Rolling(
        order=("replica",),
        before=anything(),
        after=all_answer(seats, component),
        handover=lambda _standings, _member: (),
    )


def all_answer(seats: tuple[Seat, ...], component: str) -> Gate:
    """Every member answers."""

    def holds(standings: Standings) -> str:
        return unready(standings, seats, component)

    return Gate("every member answers", holds, PATIENCE)


def unready(standings: Standings, seats: tuple[Seat, ...], component: str) -> str:
    """Who does not answer, and why; "" when all do."""
    for seat in seats:
        found = standings.get((seat.member, component))
        if found is None or not found.ready:
            return f"{seat.member} is not ready: {found.reason if found else 'it does not answer'}"
    return ""


@dataclass(frozen=True, slots=True)
class NoPrimary:
    """The verbs of a service whose members are all alike and know nothing of each other."""

    service: str
    code: str

    def refuse(self, standings: Standings, to: str) -> tuple[Act, ...]:  # noqa: ARG002
        raise OpsError(
            f"{self.code}/no-switchover",
            f"{self.service} has no primary: all its members do the same",
            where=self.service,
            exit=Exit.REFUSED,
        )

    @property
    def operations(self) -> Operations:
        return Operations(
            switchover=self.refuse,
            failover=self.refuse,
            remove=lambda _standings, _member: (),
            forget=lambda _standings, _gone: (),
            prove=lambda _standings: (),  # that they answer was seen by then
        )
