"""How Alertmanagers hear of each other, and from nobody else."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from opsctl.data import renderer
from opsctl.engines.alertmanager import ENGINE, AlertmanagerService
from opsctl.workload import AddressRef, Component, Directory, Seat
from yaml_reading import read_yaml


def teller(members: int = 2, system: str = "debian-13") -> Component:
    """The first of so many members."""
    seats = [
        Seat(
            f"alerts-{at}", "teller", f"n{at}", "", system, {"web": 9093, "peers": 9094},
            f"/etc/alerts-{at}", f"/var/alerts-{at}", f"/run/alerts-{at}",
        )
        for at in range(members)
    ]  # fmt: skip
    service = AlertmanagerService.model_validate({"engine": "alertmanager", "on": "dc"})
    work = ENGINE.describe("alerts", service, seats, renderer("alertmanager"), Directory())
    (component,) = work.member("alerts-0").components
    return component


def text(component: Component, name: str) -> str:
    (found,) = [one for one in component.files if one.path == f"/etc/alerts-0/{name}"]
    return found.text.masked(lambda ref: f"<{ref.member}>")


def gossip(component: Component) -> dict[str, Any]:
    return dict(read_yaml(text(component, "gossip.yml")))


def test_both_sides_show_a_certificate_and_want_one_of_the_environments_authority() -> None:
    found = gossip(teller())
    assert found["tls_server_config"] == {
        "cert_file": "/etc/alerts-0/web.pem",
        "key_file": "/etc/alerts-0/web.pem.key",
        "client_auth_type": "RequireAndVerifyClientCert",
        "client_ca_file": "/etc/alerts-0/ca.pem",
        "client_allowed_sans": ["alerts-1"],
        "min_version": "TLS13",
    }
    assert found["tls_client_config"] == {
        "cert_file": "/etc/alerts-0/web.pem",
        "key_file": "/etc/alerts-0/web.pem.key",
        "ca_file": "/etc/alerts-0/ca.pem",
    }
    assert "--cluster.tls-config=/etc/alerts-0/gossip.yml" in text(teller(), "start.sh")


@pytest.mark.parametrize(
    ("system", "taken", "called"),
    [("debian-12", None, None), ("debian-13", ["alerts-1"], None),
     ("image", ["alerts-1"], "alerts")],
)  # fmt: skip
def test_whom_it_takes_is_said_where_its_version_understands_it(
    system: str, taken: list[str] | None, called: str | None
) -> None:
    """Who asks looks for the address that it knows, in a cluster for the service."""
    component = teller(system=system)
    found = gossip(component)
    assert found["tls_server_config"].get("client_allowed_sans") == taken
    assert found["tls_client_config"].get("server_name") == called
    (cert,) = component.certs
    assert {"alerts-0", AddressRef("alerts-0", "ip")} <= set(cert.names)
    assert called is None or called in cert.names


def test_in_a_pod_it_listens_at_every_address_for_only_an_address_will_do() -> None:
    assert "--cluster.listen-address=0.0.0.0:9094" in text(teller(system="image"), "start.sh")


def test_only_whom_it_believes_and_how_it_is_proved_want_a_restart() -> None:
    effects = {one.path.removeprefix("/etc/alerts-0/"): one.effect for one in teller().all_files}
    wanted = {"ca.pem": "restart", "gossip.yml": "restart", "start.sh": "restart"}
    assert {name: one for name, one in effects.items() if one == "restart"} == wanted
    assert (effects["web.pem"], effects["web.pem.key"]) == ("none", "none")


def test_one_alone_hears_nobody_and_goes_to_nobody() -> None:
    alone, together = teller(1), teller(2)
    assert not [one for one in alone.files if one.path.endswith("gossip.yml")]
    assert [port.name for port in alone.ports] == ["web"]
    assert [cert.use for cert in alone.certs] == ["server"]
    assert "tls-config" not in text(alone, "start.sh")
    assert replace(together.certs[0], use="server", believing=None) == alone.certs[0]
