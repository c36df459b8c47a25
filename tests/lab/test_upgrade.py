"""A newer package of the same version: installed and taken in one member at a time, while a client
writes through the route."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest
import redis
from lab_site import Site
from redis_client import await_whole
from route_client import ROUTES, SPEC, client, vip

from conftest import MakeSite

pytestmark = [pytest.mark.lab, pytest.mark.timeout(600)]

NEWER = "+opsctl1"  # behind Debian's own version: apt takes it for newer
# Packages from the host's own archive or the mirror, as they are, with another version.
REPACK = f"""
set -eu
mkdir -p /srv/newer && cd /srv/newer
for name in redis-server redis-tools; do
  apt-get download -q "$name" >/dev/null
  dpkg-deb -R "$name"_*.deb work && rm "$name"_*.deb
  sed -i -E 's/^(Version: .*)$/\\1{NEWER}/
    s/(redis-tools \\(= [^)]*)\\)/\\1{NEWER})/' work/DEBIAN/control
  dpkg-deb -Znone -b work "$name.deb" >/dev/null
  {{ dpkg-deb -f "$name.deb"
    echo "Filename: ./$name.deb"
    echo "Size: $(stat -c %s "$name.deb")"
    echo "SHA256: $(sha256sum "$name.deb" | cut -d' ' -f1)"
    echo; }} >> Packages
  rm -r work
done
echo "deb [trusted=yes] file:/srv/newer ./" > /etc/apt/sources.list.d/newer.list
"""


@pytest.fixture(scope="module")
def site(make_site: MakeSite) -> Site:
    site = make_site("upgrade", 3, SPEC)
    site.write(site.spec + ROUTES.replace("VIP", vip(site)))
    site.apply()
    await_whole(site, "sessions")
    return site


@dataclass
class Writes:
    """What a client that goes on after every failure was told is kept."""

    acknowledged: list[int] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)


@contextmanager
def writes(site: Site) -> Iterator[Writes]:
    found = Writes()

    def write() -> None:
        number = 0
        connection = client(site, vip(site))
        while not found.ended.wait(0.02):
            number += 1
            try:
                if connection.set(f"{number}", "here"):
                    found.acknowledged.append(number)
            except redis.RedisError:
                connection.close()
                connection = client(site, vip(site))

    thread = threading.Thread(target=write)
    thread.start()
    try:
        yield found
    finally:
        found.ended.set()
        thread.join(30)


def versions(site: Site) -> set[str]:
    asked = ("dpkg-query", "-W", "-f", "${Version}", "redis-server")
    return {site.on(host.name, *asked) for host in site.lab.hosts}


def test_without_a_newer_version_nothing_is_done(site: Site) -> None:
    lock = (site.folder / "opsctl.lock").read_bytes()
    assert "nothing to change" in site.ok("upgrade", "sessions").out
    assert (site.folder / "opsctl.lock").read_bytes() == lock


def test_hosts_that_differ_in_what_they_can_get_are_told_apart(site: Site) -> None:
    site.shell("n1", REPACK, timeout=120)
    ended = site.refused(4, "hosts/versions-differ", "upgrade", "--dry-run")
    assert "n1 can get redis-server" in ended.err


def test_members_are_upgraded_one_by_one_and_no_acknowledged_write_is_lost(site: Site) -> None:
    (before,) = versions(site)
    for name in ("n2", "n3"):
        site.shell(name, REPACK, timeout=120)
    site.assert_converged()  # a newer package in reach changes nothing unasked
    lock = site.folder / "opsctl.lock"
    was = lock.read_text()

    shown = site.ok("upgrade", "--dry-run").out
    assert "restart" in shown
    assert versions(site) == {before}
    assert lock.read_text() == was

    with writes(site) as written:
        site.ok("upgrade", "sessions", "--yes")
    assert versions(site) == {before + NEWER}
    assert NEWER in lock.read_text()
    site.assert_converged()
    await_whole(site, "sessions")
    kept = client(site, vip(site)).mget([str(number) for number in written.acknowledged])
    assert len(kept) > 100
    assert kept.count(None) == 0
    for host in site.lab.hosts:  # nobody runs a program that is no longer on the disk
        old = "ls -l /proc/[0-9]*/exe 2>/dev/null | grep -c 'redis.*(deleted)' || true"
        assert site.shell(host.name, old).strip() == "0"


def test_the_lock_file_of_before_brings_the_older_version_back(site: Site) -> None:
    lock = site.folder / "opsctl.lock"
    lock.write_text(lock.read_text().replace(NEWER, ""))
    site.apply("--max-impact", "failover")
    assert all(not version.endswith(NEWER) for version in versions(site))
    site.assert_converged()
