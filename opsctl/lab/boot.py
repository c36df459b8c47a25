"""The script that is one host: mounts, cgroup, systemd-nspawn, run again on reboot. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

FILL = ".opsctl-fill"  # the file that a full-disk fault leaves


@dataclass(frozen=True, slots=True)
class Boot:
    """What the script needs. `cgroups` are this host's own groups, v2 first.

    A `share` makes it a host that runs containers: what is in that folder is seen as /opt/lab.
    """

    folder: Path
    image: Path
    debs: Path
    cgroups: Sequence[Path]
    machine: str
    bridge: str
    data: bool
    share: Path | None = None


# Containers' files lie on the plain disk: overlayfs has no overlay on top of an overlay.
ON_DISK = ("containerd", "kubelet", "volumes")


def _nested_options(boot: Boot) -> str:
    """What systemd-nspawn must allow for containers to run inside."""
    if boot.share is None:
        return ""
    words = [
        "--capability=all",
        "--system-call-filter='add_key keyctl bpf'",
        "--bind=/dev/kmsg",
        f"--bind-ro={boot.share}:/opt/lab",
        *(f"--bind={boot.folder}/disk/{name}:/var/lib/{name}" for name in ON_DISK),
    ]
    return " ".join(words)


def boot_script(boot: Boot) -> str:
    """Run it in a mount namespace of its own: then nothing stays mounted when the host ends.

    The script waits for systemd-nspawn, which ends with 133 when the host asked for a reboot. It
    leaves its own exit code in `ended`, so that a host that can't start is told from a slow one
    (one that finds the host started already leaves none); with a read-only console the host's
    systemd says there why.
    """
    joins = "\n".join(f"echo $$ > {group}/cgroup.procs" for group in boot.cgroups)
    data = "mkdir -p root/data\nmount -o loop,noatime data.img root/data" if boot.data else ""
    nested = boot.share is not None
    folders = f"mkdir -p {' '.join(f'disk/{name}' for name in ON_DISK)}" if nested else ""
    return f"""#!/bin/sh
# {boot.machine}: made by opsctl lab, started by unshare --mount.
set -eu
cd {boot.folder}
exec 9> running.lock
flock --nonblock 9
trap 'echo $? > ended' EXIT
{joins}
mkdir -p disk root
mount -o loop,noatime disk.img disk
mkdir -p disk/upper disk/work
{folders}
mount -t overlay overlay \\
  -o lowerdir={boot.debs}:{boot.image},upperdir=disk/upper,workdir=disk/work root
{data}
# Whatever systemd-nspawn notes here on its containers dies with this namespace too.
mkdir -p /run/systemd/nspawn
mount -t tmpfs -o size=1m tmpfs /run/systemd/nspawn
if [ -e seed.tar ]; then
  tar -xpf seed.tar -C root --numeric-owner --no-overwrite-dir
  rm seed.tar
fi
if [ -e free-at-start ]; then
  while read -r file; do chroot root rm -f "$file"; done < free-at-start
  rm free-at-start
fi
export SYSTEMD_NSPAWN_UNIFIED_HIERARCHY={0 if nested else 1}
code=133
while [ "$code" = 133 ]; do
  code=0
  systemd-nspawn --quiet --directory={boot.folder}/root --machine={boot.machine} \\
    --register=no --keep-unit --network-bridge={boot.bridge} --link-journal=no \\
    {_nested_options(boot)} \\
    --resolv-conf=off --timezone=off --setenv=TERM=dumb --console=read-only --boot 9>&- || code=$?
done
exit "$code"
"""
