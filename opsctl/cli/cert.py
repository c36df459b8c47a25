"""`opsctl cert`: the environment's certificates and their authority."""

from __future__ import annotations

from typing import Annotated

import typer

from opsctl.cli.command import command, new_app
from opsctl.cli.session import Session
from opsctl.cli.views.certificates import CertificatesView
from opsctl.errors import Exit

app = new_app("Certificates: how long they last; renew them; show the authority.")
# By the generation's remainder of three: what holds once it is applied.
_STEPS = {
    2: "the next authority is trusted too, and issues nothing yet",
    0: "the next authority issues, and the one before is still trusted",
    1: "the authority before is trusted no more, and the rotation is over",
}


@command(app, "spec", "limit", "output", name="list")
def list_(session: Session) -> Exit:
    """Each certificate as it lies on its host, with the days that it still has.

    `opsctl apply` renews one that has less than 30 of its 90 days, other names, or another issuer.
    Exit 6: a part can't be seen.
    """
    from opsctl.flow.certificates import certificates
    from opsctl.flow.survey import survey

    parts = session.parts()
    limit = frozenset(session.options.limit)
    seen = survey(parts)
    found = certificates(parts, seen)
    shown = [one for one in found if not limit or limit & {one.service, one.whole_name}]
    away = tuple(seen.observation.unreachable.values())
    session.screen.result(CertificatesView(shown, away))
    return Exit.UNOBSERVED if away else Exit.DONE


@command(app, "spec", name="show-ca")
def show_ca(session: Session) -> None:
    """Print the authority's certificate (PEM), for browsers and whoever asks these servers.

    It is no secret, and the same on every machine that has the root key.
    """
    session.screen.text(session.secrets().authority().rstrip())


@command(app, "spec")
def client(session: Session, name: Annotated[str, typer.Argument(help="Who it is for.")]) -> None:
    """Print a client's certificate and key (PEM), for a Prometheus that others run.

    It lasts for 30 to 90 days. Keep it where nobody else reads it.
    """
    session.screen.text(session.secrets().client(name).rstrip())


@command(app, "spec")
def renew(
    session: Session,
    who: Annotated[str, typer.Argument(metavar="SERVICE[/MEMBER]", help="Whose certificates.")],
) -> None:
    """Another key and certificate before the old one ends, as when a host was broken into.

    Written to opsctl.lock; the next apply brings it out.
    """
    from opsctl.flow.certificates import keys_of

    door = session.secrets()
    names = keys_of(session.parts(), who)
    for name in names:
        door.rotate(name)
    count = "another key" if len(names) == 1 else f"{len(names)} other keys"
    session.screen.say(f"{who} gets {count}; next: {session.words('apply')}")


@command(app, "spec", name="rotate-ca")
def rotate_ca(session: Session) -> None:
    """One of three steps to another authority: trust it too, issue by it, trust the old no more.

    Each step wants an apply, and is refused while the one before has not reached everybody.
    """
    from opsctl.flow.certificates import check_step
    from opsctl.flow.survey import survey
    from opsctl.workload import AUTHORITY

    parts = session.parts()
    check_step(parts, survey(parts))
    generation = session.secrets().rotate(AUTHORITY)
    words = _STEPS[generation % 3]
    session.screen.say(f"after the next apply {words}; next: {session.words('apply')}")
