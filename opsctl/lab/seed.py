"""What makes a host differ from the next: a tar laid over its image at first boot. Pure."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

from opsctl.lab.spec import Node, Subnet


@dataclass(frozen=True, slots=True)
class Identity:
    """Values made anew for each host; `shadow` is the image's with the ops password set."""

    machine_id: str
    host_key: str
    host_key_pub: str
    authorized_key: str
    shadow: str
    resolv_conf: str
    mtu: int


@dataclass(frozen=True, slots=True)
class SeedFile:
    path: str
    text: str
    mode: int = 0o644
    uid: int = 0
    gid: int = 0
    directory: bool = False


def seed_files(node: Node, peers: Sequence[Node], subnet: Subnet, who: Identity) -> list[SeedFile]:
    """Every file of the seed; folders that the image lacks come before what is in them."""
    names = "".join(f"{subnet.address(peer)} {peer.name}\n" for peer in peers)
    files = [
        SeedFile("etc/hostname", f"{node.name}\n"),
        SeedFile("etc/machine-id", f"{who.machine_id}\n", 0o444),
        SeedFile("etc/hosts", f"127.0.0.1 localhost\n::1 localhost ip6-localhost\n{names}"),
        SeedFile("etc/resolv.conf", who.resolv_conf),
        SeedFile("etc/shadow", who.shadow, 0o640, gid=42),
        SeedFile("etc/ssh/ssh_host_ed25519_key", who.host_key, 0o600),
        SeedFile("etc/ssh/ssh_host_ed25519_key.pub", who.host_key_pub),
        # Must sort before 80-container-host0.network, which asks DHCP.
        SeedFile("etc/systemd/network/10-lab.network", _network(node, subnet, who.mtu)),
    ]
    for home, uid in (("root", 0), ("home/ops", 1000), ("home/nosudo", 1001)):
        files.append(SeedFile(f"{home}/.ssh", "", 0o700, uid, uid, directory=True))
        keys = f"{home}/.ssh/authorized_keys"
        files.append(SeedFile(keys, who.authorized_key, 0o600, uid, uid))
    return files


def _network(node: Node, subnet: Subnet, mtu: int) -> str:
    return f"""[Match]
Name=host0
[Link]
MTUBytes={mtu}
[Network]
Address={subnet.address(node)}/24
Gateway={subnet.gateway}
IPv6AcceptRA=no
# An unplugged host keeps its address, as one set up by ifupdown does.
IgnoreCarrierLoss=yes
"""


def seed_tar(files: Sequence[SeedFile]) -> bytes:
    """The files as an uncompressed tar with exactly these owners and modes."""
    import tarfile  # it brings three compressors along, and a plan of a lab makes no host

    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for file in files:
            info = tarfile.TarInfo(file.path)
            info.mode, info.uid, info.gid = file.mode, file.uid, file.gid
            info.type = tarfile.DIRTYPE if file.directory else tarfile.REGTYPE
            content = file.text.encode()
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def with_password(shadow: str, user: str, hashed: str) -> str:
    """/etc/shadow with one user's hash replaced."""
    lines = [line.split(":") for line in shadow.splitlines()]
    return "".join(
        ":".join([line[0], hashed if line[0] == user else line[1], *line[2:]]) + "\n"
        for line in lines
    )
