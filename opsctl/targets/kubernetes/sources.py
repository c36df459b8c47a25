"""A member's files as its pod finds them, and the script that puts them in their places.

A Service's address is not known while manifests are written, and a server that rewrites its own
file must find it as it left it. So ConfigMap and Secret are mounted aside, and an init container
copies each file to its path: addresses filled in, seeded files only where there is none.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from opsctl.errors import OpsError
from opsctl.targets.kubernetes.site import CONFIG, STORE, Placed
from opsctl.workload import AddressRef, ConfigFile, Member

SCRIPT: Final = "opsctl.install.sh"
FILES: Final = "opsctl.files"
ADDRESSES: Final = "opsctl.addresses"

# POSIX sh with getent, sed and coreutils: Debian's images have them, and Alpine's do.
INSTALL: Final = """\
# Puts this member's files where its servers read them. Run before the servers start. Seeded files
# are the server's own.
set -eu
umask 077
from=${1:-/opsctl/files}
addresses=$(mktemp)
trap 'rm -f "$addresses"' EXIT
while read -r member name; do
  tries=0
  until found=$(getent hosts "$name"); do
    tries=$((tries + 1))
    if [ "$tries" -ge 60 ]; then
      echo "opsctl: the Service $name has had no address for 60 s" >&2
      exit 1
    fi
    sleep 1
  done
  printf 's/@ADDRESS:%s@/%s/g\\n' "$member" "${found%%[[:space:]]*}" >> "$addresses"
done < "$from/opsctl.addresses"
while read -r life mode key path; do
  if [ "$life" = directory ]; then mkdir -p "$path"; continue; fi
  if [ "$life" = seeded ] && [ -e "$path" ]; then continue; fi
  mkdir -p "${path%/*}"
  sed -f "$addresses" "$from/$key" > "$path.opsctl-new"
  chmod "$mode" "$path.opsctl-new"
  mv -f "$path.opsctl-new" "$path"
done < "$from/opsctl.files"
"""


@dataclass(frozen=True, slots=True)
class Source:
    """One file and the key that it has in the ConfigMap or Secret."""

    key: str
    file: ConfigFile

    @property
    def secret(self) -> bool:
        return bool(self.file.text.secrets)

    @property
    def at_start(self) -> bool:
        """Whether only a restart takes a change in. For now a reload counts as one here: nothing
        tells the server in a running pod, and the mounted file changes some time after."""
        return self.file.life == "managed" and self.file.effect in ("restart", "reload")


def sources(member: Member) -> tuple[Source, ...]:
    """Every file of the member once; components may share one if they agree on it."""
    found: dict[str, Source] = {}
    for component in member.components:
        for file in component.files:
            key = _key(file.path)
            if found.setdefault(key, Source(key, file)).file != file:
                raise OpsError(
                    "kubernetes/file-twice",
                    f"two files of one member would both be {key} in its ConfigMap",
                    where=f"member {member.name}, {file.path}",
                )
    return tuple(found.values())


def _key(path: str) -> str:
    return path.removeprefix(f"{CONFIG}/").lstrip("/").replace("/", "_")


def table(member: Member) -> str:
    """What the script does, a line each: life or "directory", mode, key, path."""
    places = sorted({volume.path for part in member.components for volume in part.volumes})
    lines = [f"directory 0700 - {path}\n" for path in places if path.startswith(STORE)]
    lines += [
        f"{source.file.life} {source.file.mode} {source.key} {source.file.path}\n"
        for source in sources(member)
    ]
    return "".join(lines)


def peers(member: Member) -> tuple[str, ...]:
    """The members whose literal addresses stand in this member's files."""
    parts = (part for source in sources(member) for part in source.file.text.parts)
    return tuple(sorted({p.member for p in parts if isinstance(p, AddressRef) and p.form == "ip"}))


def addresses(placed: Placed) -> str:
    """Which names the script asks for, a line each: member, name."""
    return "".join(f"{peer} {placed.site.host(peer)}\n" for peer in peers(placed.member))
