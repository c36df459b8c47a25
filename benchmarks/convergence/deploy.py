"""Redis with Sentinel for pyinfra: what playbook.yml says, in the same order."""

from pathlib import Path
from typing import Any

from pyinfra import host  # type: ignore[import-not-found]
from pyinfra.facts.files import File  # type: ignore[import-not-found]
from pyinfra.operations import apt, files, server, systemd  # type: ignore[import-not-found]

TEMPLATES = Path(__file__).parent / "templates"
KINDS = ("redis", "sentinel")
VALUES: dict[str, Any] = {
    name: host.data.get(name) for name in ("redis", "passwords", "digests", "maxmemory", "setting")
}


def template(name: str, dest: str, **more: Any) -> Any:
    """One file of the templates that the playbook uses too."""
    return files.template(
        name=dest, src=str(TEMPLATES / f"{name}.j2"), dest=dest, create_remote_dir=False,
        **more, **VALUES,
    )  # fmt: skip


files.link(
    name="The package's own unit never starts",
    path="/etc/systemd/system/redis-server.service",
    target="/dev/null",
)
apt.packages(name="Packages", packages=["redis-server", "redis-tools"], no_recommends=True)
for path, owner in (
    ("/etc/bench", "root"),
    ("/var/lib/bench/redis", "redis"),
    ("/var/lib/bench/sentinel", "redis"),
):
    files.directory(name=path, path=path, user=owner, group="redis", mode="750")

readable = {"user": "root", "group": "redis", "mode": "640"}
settings = template("redis-static.conf", "/etc/bench/redis.conf", **readable)
wants_restart = [
    template("users.acl", "/etc/bench/users.acl", **readable),
    template("sentinel-static.conf", "/etc/bench/sentinel.conf", **readable),
]
for kind in KINDS:
    own = f"/var/lib/bench/{kind}/{kind}.conf"
    if not host.get_fact(File, path=own):  # written once; the server rewrites it
        template(f"{kind}.conf", own, user="redis", group="redis", mode="640")
units = [
    template(f"{kind}.service", f"/etc/systemd/system/bench-{kind}.service", mode="644")
    for kind in KINDS
]
systemd.daemon_reload(
    name="Read the units again", _if=lambda: any(unit.did_change() for unit in units)
)
started = [
    systemd.service(name=kind, service=f"bench-{kind}.service", running=True, enabled=True)
    for kind in KINDS
]


def running_before() -> bool:
    """Whether the servers ran already, so that what changed must still reach them."""
    return not any(one.did_change() for one in started)


for kind in KINDS:
    systemd.service(
        name=f"Restart {kind}",
        service=f"bench-{kind}.service",
        restarted=True,
        _if=lambda: running_before() and any(one.did_change() for one in (*wants_restart, *units)),
    )
server.shell(
    name="Set it on the running server",
    commands=[
        f"redis-cli -p {VALUES['redis']['port']} --user ops "
        f"CONFIG SET {VALUES['setting']['name']} {VALUES['setting']['value']}"
    ],
    _env={"REDISCLI_AUTH": VALUES["passwords"]["ops"]},
    _if=lambda: running_before() and settings.did_change(),
)
