"""Base images: one Debian root folder per system and package set, built once, never changed."""

from __future__ import annotations

import hashlib
import os
import shlex
import shutil
import signal
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

from opsctl.errors import OpsError
from opsctl.lab import apt
from opsctl.lab.commands import locked
from opsctl.lab.spec import CODENAMES

BUILD_TIMEOUT = 900  # seconds; 14 s were measured near a fast mirror
VERSION = "1"  # raise when the text below changes what an image holds
PACKAGES = (
    "systemd", "systemd-sysv", "dbus", "openssh-server", "python3", "iproute2",
    "ca-certificates", "procps", "sudo", "nftables", "iputils-ping", "openssl", "python3-apt",
)  # fmt: skip
MASKED = (
    "systemd-networkd-wait-online.service",
    "console-getty.service",
    "getty@tty1.service",
    "apt-daily.timer",  # would hold the package lock in the middle of a test
    "apt-daily-upgrade.timer",
    "fstrim.timer",
    "sshd-keygen.service",  # makes keys that known_hosts does not list
)
SSHD = """\
HostKey /etc/ssh/ssh_host_ed25519_key
PasswordAuthentication no
MaxStartups 200
UseDNS no
"""
# Debian 13's sshd shuts out an address after refused logins; tests of refused keys share one.
SSHD_13 = "PerSourcePenalties no\n"


# The root of a container image: nothing boots it, nobody logs in.
BARE = """#!/bin/sh
set -eu
rm -f "$1/etc/resolv.conf" "$1/etc/hostname"
: > "$1/etc/machine-id"
"""


def image_key(system: str, packages: Sequence[str], recipe: str) -> str:
    """The folder's name: the same for the same content whatever the order of packages."""
    text = "\n".join([VERSION, recipe, *sorted(set(packages))])
    return f"{system}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"


def image(
    system: str,
    packages: Sequence[str],
    cache: Path,
    progress: Callable[[str], None],
    *,
    bare: bool = False,
) -> Path:
    """The image's folder, built first when the cache lacks it; `bare`: for containers, not hosts.

    Raises lab/image with mmdebstrap's last lines. Two callers at once build once.
    """
    hook = BARE if bare else _customize(system)
    packages = tuple(sorted({*packages, *(() if bare else PACKAGES)}))
    recipe = hook + apt.machine_mirror().sources(CODENAMES[system])
    target = cache / "images" / image_key(system, packages, recipe)
    if target.is_dir():
        return target
    lock = target.with_name(f"{target.name}.lock")
    with locked(lock, what=f"the image {target.name}", timeout=BUILD_TIMEOUT) as held:
        if not target.is_dir():
            progress(f"building a {system} image (once, about half a minute)")
            draft = target.with_name(f"{target.name}.draft")
            shutil.rmtree(draft, ignore_errors=True)
            _build(system, packages, draft, held, hook)
            draft.replace(target)
    return target


def _build(system: str, packages: Sequence[str], draft: Path, held: int, script: str) -> None:
    hook = draft.with_name(f"{draft.name}.hook")
    hook.write_text(script)
    hook.chmod(0o755)
    # unshare: the build's mounts die with it. The lock's descriptor goes along, so that a build
    # that outlives a killed caller keeps others from the draft.
    argv = [
        "unshare", "--mount", "--propagation", "private",
        "mmdebstrap", "--mode=root", "--format=directory", "--variant=minbase",
        f"--include={','.join(packages)}",
        "--skip=cleanup/apt/lists,cleanup/reproducible",
        *(f"--aptopt={line}" for line in (*apt.machine_options(), 'Acquire::Languages "none";')),
        f"--customize-hook={shlex.quote(str(hook))}",
        CODENAMES[system], str(draft), "-",
    ]  # fmt: skip
    sources = apt.machine_mirror().sources(CODENAMES[system])
    build = subprocess.Popen(
        argv,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        pass_fds=(held,),
        start_new_session=True,
        env={**os.environ, "TMPDIR": "/tmp"},  # noqa: S108
    )
    try:
        output, _ = build.communicate(sources, timeout=BUILD_TIMEOUT)
    except BaseException:
        os.killpg(build.pid, signal.SIGKILL)
        build.wait()
        raise
    finally:
        hook.unlink()
    if build.returncode:
        raise OpsError(
            "lab/image",
            f"mmdebstrap could not build {system}",
            where=str(draft),
            hint="see its last lines; is the mirror of /etc/apt reachable?",
            details=tuple(output.strip().splitlines()[-15:]),
        )


def _customize(system: str) -> str:
    """The shell script that mmdebstrap runs at the end, with the new root as $1."""
    sshd = SSHD + (SSHD_13 if system == "debian-13" else "")
    copies = "\n".join(
        f'cp {shlex.quote(str(crt))} "$1/usr/local/share/ca-certificates/"'
        for crt in apt.machine_certificates()
    )
    return f"""#!/bin/sh
set -eu
mkdir -p "$1/usr/local/share/ca-certificates"
{copies}
chroot "$1" update-ca-certificates >/dev/null
chroot "$1" useradd --create-home --shell /bin/bash --groups sudo --uid 1000 ops
chroot "$1" useradd --create-home --shell /bin/bash --uid 1001 nosudo
cat > "$1/etc/ssh/sshd_config.d/10-lab.conf" <<'END'
{sshd}END
rm -f "$1"/etc/ssh/ssh_host_* "$1/etc/resolv.conf" "$1/etc/hostname"
echo force-unsafe-io > "$1/etc/dpkg/dpkg.cfg.d/lab"
echo 'APT::Keep-Downloaded-Packages "true";' > "$1/etc/apt/apt.conf.d/90lab"
mkdir -p "$1/etc/systemd/journald.conf.d"
printf '[Journal]\\nStorage=persistent\\nSystemMaxUse=64M\\n' \\
  > "$1/etc/systemd/journald.conf.d/lab.conf"
chroot "$1" systemctl --quiet enable ssh.service systemd-networkd.service
chroot "$1" systemctl --quiet mask {" ".join(MASKED)}
: > "$1/etc/machine-id"
chroot "$1" ldconfig
chroot "$1" journalctl --update-catalog >/dev/null 2>&1
touch "$1/etc/.updated" "$1/var/.updated"
"""
