"""Certificates: what comes out of the root key, when it is renewed, and how a plan tells it."""

from __future__ import annotations

import base64
import hashlib
import ipaddress
import socket
import ssl
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from cryptography import x509
from cryptography.x509.verification import PolicyBuilder, Store
from hypothesis import given
from hypothesis import strategies as st

from opsctl.cli.views.certificates import soon_lines
from opsctl.clients.secrets import EnvironmentSecrets, Variables
from opsctl.clients.secrets.issuing import DAY, EARLY, LIFE, RENEWED, Authority, authorities, turn
from opsctl.errors import Exit, OpsError
from opsctl.flow.certificates import certificates, check_step
from opsctl.flow.parts import Parts
from opsctl.flow.survey import Survey
from opsctl.model import Kubernetes
from opsctl.planning.desired import Desired
from opsctl.planning.difference import difference
from opsctl.planning.observation import Kept, Observation
from opsctl.planning.resource import Actual, Impact, Resource
from opsctl.targets.hosts import Env, Host, HostsTarget, SshOptions
from opsctl.targets.hosts.certificates import with_certificates
from opsctl.targets.hosts.realise import Payload
from opsctl.targets.kubernetes import KubernetesTarget
from opsctl.targets.kubernetes.certificates import certificates as in_secrets
from opsctl.targets.kubernetes.live import Live
from opsctl.targets.kubernetes.site import Site
from opsctl.workload import AUTHORITY, AddressRef, Cert, CertRef, Command, SecretRef, Workload
from toy import NEEDS, options, with_server, workload

Kubernetes.model_rebuild()
ROOT = base64.b64encode(bytes(range(32))).decode()
BEGAN = turn("shop", 1_800_000_000)
KEY = "sessions/certificate/sessions-0/server"
PROOF = CertRef(KEY, "certificate", ("sessions-0", "10.0.0.1"))


def secrets(now: float = BEGAN, root: str = ROOT, **generations: int) -> EnvironmentSecrets:
    named = {name.replace("KEY", KEY): number for name, number in generations.items()}
    known = {"OPSCTL_ROOT_KEY": root} if root else {}
    return EnvironmentSecrets("shop", Variables(known), named, lambda: now)


def issued(known: EnvironmentSecrets, ref: CertRef = PROOF) -> str:
    made = known.certificate(ref)
    assert made is not None
    return made


def private(known: EnvironmentSecrets) -> str:
    made = known.value(SecretRef(KEY, "key"))
    assert made is not None
    return made


def test_answers_stay_what_they_were() -> None:
    """Another release must not make every certificate of every environment anew."""
    known = secrets()
    made = (issued(known), issued(known, CertRef()), private(known))
    assert [hashlib.sha256(text.encode()).hexdigest()[:16] for text in made] == [
        "2c6382657805e5ed",
        "75713306ea820c75",
        "67fb8ee77f587094",
    ]


def test_a_certificate_has_the_same_bytes_on_every_machine_until_it_is_renewed() -> None:
    first = issued(secrets(BEGAN))
    assert issued(secrets(BEGAN + RENEWED - 1)) == first
    assert issued(secrets(BEGAN + RENEWED)) != first


@given(st.text("abcdefghij-", min_size=1, max_size=20), st.floats(1.7e9, 2.5e9))
def test_whenever_an_apply_comes_a_month_is_left(environment: str, now: float) -> None:
    began = turn(environment, now)
    assert began <= now < began + RENEWED
    assert LIFE - EARLY - (now - began) >= 30 * DAY - EARLY


def test_it_lasts_for_90_days_and_says_so() -> None:
    found = secrets(BEGAN + 10 * DAY).certified(issued(secrets()))
    assert found is not None
    assert found.ends - found.begins == LIFE == 90 * DAY
    assert found.left == LIFE - EARLY - 10 * DAY
    assert float(issued(secrets(), replace(PROOF, what="end"))) == found.ends
    assert (found.names, found.issuer, found.ours) == (
        ("sessions-0", "10.0.0.1"), "opsctl shop authority 1", True,
    )  # fmt: skip


def test_whoever_holds_to_the_letter_of_the_standard_takes_it() -> None:
    known = secrets()
    authority = x509.load_pem_x509_certificate(issued(known, CertRef()).encode())
    leaf = x509.load_pem_x509_certificate(issued(known).encode())
    policy = PolicyBuilder().store(Store([authority])).time(datetime.fromtimestamp(BEGAN, UTC))
    policy.build_server_verifier(x509.DNSName("sessions-0")).verify(leaf, [])
    address = x509.IPAddress(ipaddress.ip_address("10.0.0.1"))
    policy.build_server_verifier(address).verify(leaf, [])


def shake_hands(known: EnvironmentSecrets, folder: Path, name: str) -> str:
    """What a client that believes the authority alone says of a server: "" for nothing."""
    (folder / "web.pem").write_text(issued(known))
    (folder / "web.pem.key").write_text(private(known))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(folder / "web.pem", folder / "web.pem.key")
    client = ssl.create_default_context(cadata=issued(known, CertRef()))
    here, there = socket.socketpair()

    def serve() -> None:
        with suppress(OSError), server.wrap_socket(there, server_side=True):
            pass

    serving = threading.Thread(target=serve)
    serving.start()
    try:
        with client.wrap_socket(here, server_hostname=name):
            return ""
    except ssl.SSLCertVerificationError as error:
        return error.verify_message
    finally:
        here.close()
        serving.join(10)
        there.close()


def test_a_server_proves_its_names_and_no_other(tmp_path: Path) -> None:
    now = secrets(datetime.now(UTC).timestamp())
    assert shake_hands(now, tmp_path, "sessions-0") == ""
    assert shake_hands(now, tmp_path, "10.0.0.1") == ""
    assert "mismatch" in shake_hands(now, tmp_path, "sessions-1")
    old = secrets(datetime.now(UTC).timestamp() - LIFE - RENEWED)
    assert "expired" in shake_hands(old, tmp_path, "sessions-0")


def test_another_root_key_or_generation_makes_another_key() -> None:
    other = base64.b64encode(bytes(32)).decode()
    assert len({private(secrets()), private(secrets(root=other)), private(secrets(KEY=2))}) == 3
    assert issued(secrets(KEY=2)) != issued(secrets())


def test_without_the_root_key_there_is_none_and_others_can_still_be_read() -> None:
    without = secrets(root="")
    assert without.certificate(PROOF) is None
    assert without.value(SecretRef(KEY, "key")) is None
    found = without.certified(issued(secrets()))
    assert found is not None
    assert (found.names, found.ours) == (("sessions-0", "10.0.0.1"), False)
    assert without.certified("-----BEGIN CERTIFICATE-----\nnothing\n") is None


def test_an_authority_goes_in_three_steps_of_which_none_leaves_anybody_unbelieved() -> None:
    assert [authorities(step) for step in range(1, 6)] == [
        (1, (1,)),
        (1, (1, 2)),
        (2, (1, 2)),
        (2, (2,)),
        (2, (2, 3)),
    ]
    for step in range(1, 30):
        before, after = authorities(step), authorities(step + 1)
        assert before[0] in after[1], "who is not reissued yet is believed by who was told already"
        assert after[0] in before[1], "who is reissued already is believed by who was not told yet"


@pytest.mark.parametrize("name", ["", "Zo\u00eb"])
def test_a_client_whose_name_no_certificate_can_hold_is_refused(name: str) -> None:
    from opsctl.wiring import secrets as door

    with pytest.raises(OpsError) as refused:
        door([Path("opsctl.yaml")]).client(name)
    assert (refused.value.code, refused.value.exit) == ("cert/bad-name", Exit.INPUT)


def test_who_is_trusted_is_told_in_one_file() -> None:
    steps = [issued(secrets(**{AUTHORITY: step}), CertRef()) for step in (1, 2, 3, 4)]
    assert [step.count("BEGIN CERTIFICATE") for step in steps] == [1, 2, 2, 1]
    assert steps[1] == steps[2]
    assert steps[1] == steps[0] + steps[3]
    assert steps[0] == Authority(bytes(range(32)), "shop", 1).pem
    made = [issued(secrets(**{AUTHORITY: step})) for step in (1, 2, 3, 4)]
    assert made[0] == made[1] != made[2] == made[3]


HOSTS = {f"n{n}": Host(f"10.0.0.{n}", rack=f"r{n}", system="debian-13") for n in range(1, 4)}
FOLDER = "/etc/opsctl/shop/sessions/sessions-0"


def target(folder: Path, known: EnvironmentSecrets) -> HostsTarget:
    return HostsTarget("dc", Env("shop", "shop"), HOSTS, SshOptions(), known, folder)


def proved(dc: HostsTarget) -> Workload:
    """A server with a certificate that a reload takes in."""
    seats = dc.seat({"sessions": (options(), NEEDS)}, {})
    certs = (
        Cert(KEY, f"{FOLDER}/server.pem", f"{FOLDER}/ca.pem",
             ("sessions-0", AddressRef("sessions-0"), AddressRef("sessions-0", "ip")),
             effect="reload"),
    )  # fmt: skip
    command = Command(("toy-server",), reload=("toy-cli", "reload"))
    return with_server(workload(seats["sessions"][:1]), certs=certs, command=command)


def realised(folder: Path, known: EnvironmentSecrets) -> tuple[HostsTarget, tuple[Resource, ...]]:
    dc = target(folder, known)
    return dc, dc.realise((proved(dc),), {"sessions": options()})


def named(resources: tuple[Resource, ...], name: str) -> Resource:
    return next(one for one in resources if one.id.name.endswith(name))


def content(one: Resource) -> str:
    assert isinstance(one.payload, Payload)
    assert one.payload.text is not None
    assert all(isinstance(part, str) for part in one.payload.text.parts)
    return one.payload.text.fill(str)


def test_keys_are_the_process_s_own_and_stand_in_no_plan(tmp_path: Path) -> None:
    _, made = realised(tmp_path, secrets())
    key = named(made, "server.pem.key")
    assert (key.desired["mode"], key.desired["owner"]) == ("0640", "root:toy")
    assert key.text == f"‹secret {KEY}›"
    shown = repr(made) + "".join(one.text for one in made)
    lines = private(secrets()).splitlines()[1:-1]
    assert lines
    assert not any(line in shown for line in lines)


def test_names_are_those_of_the_member_at_its_target(tmp_path: Path) -> None:
    _, made = realised(tmp_path, secrets())
    assert named(made, "server.pem").text.splitlines()[:2] == [
        "for sessions-0, 10.0.0.1",
        "by opsctl shop authority 1",
    ]
    assert content(named(made, "server.pem")) == issued(secrets())


def there(dc: HostsTarget, made: tuple[Resource, ...], pem: str) -> Actual:
    """What a look finds, where a host has that certificate."""
    one = named(made, "server.pem")
    desired = {name: value for name, value in one.desired.items() if value is not None}
    found = Actual(one.id, {**desired, "content": "another"}, pem)
    seen = with_certificates(dc.context, made, Observation(actual={one.id: found}))
    assert seen.certificates["sessions-0", KEY].pem == pem
    return seen.actual[one.id]


OTHER = replace(PROOF, names=("elsewhere",))
ALSO_CLIENT = replace(PROOF, use="both")
STRANGER = base64.b64encode(bytes(32)).decode()


@pytest.mark.parametrize(
    ("pem", "words"),
    [
        (issued(secrets(BEGAN - RENEWED)), "renew, 19 days left"),
        (issued(secrets(BEGAN - 2 * RENEWED)), "it ended 40 days ago"),
        (issued(secrets(root=STRANGER)), "another authority"),
        (issued(secrets(), OTHER), "other names"),
        (issued(secrets(), ALSO_CLIENT), "other uses"),
        (issued(secrets(KEY=2)), "another key"),
        ("garbage", "this is no certificate"),
    ],
    ids=["soon", "late", "foreign", "names", "uses", "key", "garbage"],
)
def test_a_plan_says_why_another_one_is_issued(tmp_path: Path, pem: str, words: str) -> None:
    dc, made = realised(tmp_path, secrets(BEGAN + 10 * DAY))
    change = difference(named(made, "server.pem"), there(dc, made, pem))
    assert change is not None
    assert change.reason.startswith("certificate of sessions-0: ")
    assert words in change.reason
    assert change.impact is Impact.NONE
    assert "CERTIFICATE" not in "".join(change.diff)


def test_one_that_is_as_it_should_be_is_no_change_and_still_told(tmp_path: Path) -> None:
    dc, made = realised(tmp_path, secrets())
    one = named(made, "server.pem")
    found = Actual(one.id, {name: value for name, value in one.desired.items() if value})
    seen = with_certificates(dc.context, made, Observation(actual={one.id: found}))
    assert difference(one, seen.actual[one.id]) is None
    assert seen.certificates == {("sessions-0", KEY): Kept(issued(secrets()))}


def test_a_renewed_one_is_a_reload_of_the_process_and_no_restart(tmp_path: Path) -> None:
    _, before = realised(tmp_path, secrets(BEGAN - 1))
    _, after = realised(tmp_path, secrets(BEGAN))
    unit = "server@sessions-0.service"
    old = next(one for one in before if one.id.kind == "unit" and one.id.name.endswith(unit))
    new = next(one for one in after if one.id.kind == "unit" and one.id.name.endswith(unit))
    change = difference(new, Actual(old.id, {k: v for k, v in old.desired.items() if v}))
    assert change is not None
    assert (change.verb, change.impact) == ("reload", Impact.RELOAD)
    assert [field.name for field in change.fields] == ["taken"]


def surveyed(
    folder: Path, known: EnvironmentSecrets, lie: Mapping[str, str], used: int = 1
) -> tuple[Parts, Survey]:
    """An environment as it was seen: each file as it should be, but for those that `lie`."""
    dc, made = realised(folder, known)
    there = {
        one.id: Actual(
            one.id, {**{k: v for k, v in one.desired.items() if v}, **_other(one, lie)},
            lie.get(one.id.name.rpartition("/")[2], ""),
        )
        for one in made
    }  # fmt: skip
    seen = with_certificates(dc.context, made, Observation(actual=there))
    placed = {"sessions": ("dc", proved(dc))}
    parts = SimpleNamespace(secrets=known, generations={AUTHORITY: 1}, lock_file="opsctl.lock")
    return cast("Parts", parts), Survey(
        Desired("shop", {}, placed, made), replace(seen, generations={AUTHORITY: used}), placed
    )


def _other(one: Resource, lie: Mapping[str, str]) -> dict[str, str]:
    return {"content": "another"} if one.id.name.rpartition("/")[2] in lie else {}


def test_status_tells_what_is_due_and_what_has_days(tmp_path: Path) -> None:
    (well,) = certificates(*surveyed(tmp_path, secrets(), {}))
    assert (well.member, well.component, well.soon) == ("sessions-0", "server", False)
    assert well.left == LIFE - EARLY
    old = {"server.pem": issued(secrets(BEGAN - RENEWED))}
    (due,) = certificates(*surveyed(tmp_path, secrets(), old))
    assert due.amiss == "renew, 29 days left"
    assert due.soon
    words = "".join(line.plain for line in soon_lines([due, well]))
    assert words == "certificate of sessions-0 server: renew, 29 days left"


def test_a_step_is_refused_until_everybody_has_the_one_before(tmp_path: Path) -> None:
    check_step(*surveyed(tmp_path, secrets(), {}))
    for lie, used in (({"ca.pem": "another"}, 1), ({"server.pem": "another"}, 1), ({}, 2)):
        with pytest.raises(OpsError, match="cert/step-open"):
            check_step(*surveyed(tmp_path, secrets(), lie, used))


# In a cluster


def in_cluster(known: EnvironmentSecrets) -> tuple[Workload, tuple[Resource, ...]]:
    place = KubernetesTarget("prod", Kubernetes(), "shop", known)
    seats = place.seat({"sessions": (options(), NEEDS)}, {})["sessions"]
    config = "/etc/opsctl"
    cert = Cert(KEY, f"{config}/web.pem", f"{config}/ca.pem", ("sessions-0", "sessions"))
    work = with_server(workload(seats), certs=(cert,))
    return work, place.realise([work], {"sessions": options()})


def lying(pem: str) -> Live:
    """A Secret of the first member that holds it, and one of the second that holds none."""
    held = {"web.pem": base64.b64encode(pem.encode()).decode()}
    return Live({("Secret", "sessions-0"): {"data": held}, ("Secret", "sessions-1"): {}})


@pytest.mark.parametrize(
    ("days", "amiss"), [(0, ""), (60, "renew, 29 days left"), (120, "it ended 30 days ago")]
)
def test_in_a_cluster_a_secret_s_certificate_is_told_and_what_is_wrong_with_it(
    days: int, amiss: str
) -> None:
    work, _ = in_cluster(secrets())
    site = Site("prod", "shop", "shop", Kubernetes())
    pem = issued(secrets(), CertRef(KEY, "certificate", ("sessions-0", "sessions")))
    now = secrets(BEGAN + days * DAY)
    assert in_secrets(site, lying(pem), [work], now) == {("sessions-0", KEY): Kept(pem, amiss)}


def test_what_holds_a_certificate_in_a_cluster_is_behind_until_it_is_as_desired() -> None:
    known = secrets()
    work, made = in_cluster(known)
    there = {
        one.id: Actual(one.id, {k: v for k, v in one.desired.items() if v is not None})
        for one in made
    }
    parts = cast(
        "Parts", SimpleNamespace(secrets=known, generations={AUTHORITY: 1}, lock_file="opsctl.lock")
    )
    placed = {"sessions": ("prod", work)}

    def step(**changed: str) -> None:
        secret = next(one for one in made if (one.id.kind, one.id.name) == ("Secret", "sessions-0"))
        held = replace(
            there[secret.id], attributes={**(there[secret.id].attributes or {}), **changed}
        )
        seen = {**there, secret.id: held}
        look = Observation(actual=seen, generations={AUTHORITY: 1})
        check_step(parts, Survey(Desired("shop", {}, placed, made), look, placed))

    step()
    with pytest.raises(OpsError, match="cert/step-open"):
        step(**{"ca.pem": "another"})
