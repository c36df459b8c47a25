"""What runs in pods to put files in place: at their start, and while they run.

POSIX sh with getent, sed and coreutils: Debian's images have them, and Alpine's do.
"""

from __future__ import annotations

from typing import Final

# Makes a sed script of the addresses that tokens stand for.
_LOOK_UP: Final = """\
addresses=$(mktemp)
trap 'rm -f "$addresses"' EXIT
if [ -n "${OPSCTL_OWN:-}" ]; then printf 's/@OWN@/%s/g\\n' "$OPSCTL_OWN" >> "$addresses"; fi
look_up() {
  tries=0
  until found=$(getent hosts "$2"); do
    tries=$((tries + 1))
    if [ "$tries" -ge 60 ]; then
      echo "opsctl: the Service $2 has had no address for 60 s" >&2
      exit 1
    fi
    sleep 1
  done
  printf 's/@ADDRESS:%s@/%s/g\\n' "$1" "${found%%[[:space:]]*}" >> "$addresses"
}
"""

_INSTALL_HEAD: Final = """\
# Puts this member's files where its servers read them. Run before the servers start. Seeded files
# are the server's own, but for addresses in them that are another's by now: Services that were made
# anew have others. STORE holds what they were.
set -eu
umask 077
from=${1:-/opsctl/files}
store=${2:-/var/lib/opsctl}
known=$store/opsctl.addresses
"""

_INSTALL_TAIL: Final = """\
moved=$addresses.moved
trap 'rm -f "$addresses" "$moved" "$moved.new"' EXIT
while read -r member name; do
  look_up "$member" "$name"
  was=$(sed -n "s/^$member //p" "$known" 2>/dev/null || :)
  now=${found%%[[:space:]]*}
  if [ -n "$was" ] && [ "$was" != "$now" ]; then
    dotted=$(printf '%s' "$was" | sed 's/\\./\\\\./g')
    printf 's/\\\\b%s\\\\b/@ADDRESS:%s@/g\\n' "$dotted" "$member" >> "$moved"
  fi
  printf '%s %s\\n' "$member" "$now" >> "$moved.new"
done < "$from/opsctl.addresses"
while read -r life mode key path; do
  if [ "$life" = directory ]; then mkdir -p "$path"; continue; fi
  if [ "$life" = seeded ] && [ -e "$path" ]; then
    if [ -s "$moved" ]; then
      sed -f "$moved" "$path" | sed -f "$addresses" > "$path.opsctl-new"
      chmod "$mode" "$path.opsctl-new"
      mv -f "$path.opsctl-new" "$path"
    fi
    continue
  fi
  mkdir -p "${path%/*}"
  sed -f "$addresses" "$from/$key" > "$path.opsctl-new"
  chmod "$mode" "$path.opsctl-new"
  mv -f "$path.opsctl-new" "$path"
done < "$from/opsctl.files"
if [ -w "$store" ] && [ -e "$moved.new" ]; then cat "$moved.new" > "$known"; fi
"""

INSTALL: Final = _INSTALL_HEAD + _LOOK_UP + _INSTALL_TAIL

_PUT_HEAD: Final = """\
set -eu
umask 077
mode=$1
path=$2
shift 2
"""

_PUT_TAIL: Final = """\
while read -r member name && [ -n "$member" ]; do look_up "$member" "$name"; done
mkdir -p "${path%/*}"
sed -f "$addresses" > "$path.opsctl-new"
if [ "$#" -gt 0 ] && ! "$@" >&2; then
  rm -f "$path.opsctl-new"
  exit 3
fi
chmod "$mode" "$path.opsctl-new"
mv -f "$path.opsctl-new" "$path"
"""

# MODE PATH [CHECK...]; standard input: lines of member and name, an empty one, then the content.
# Exit 3: the check refused it, and the old file is still there.
PUT: Final = _PUT_HEAD + _LOOK_UP + _PUT_TAIL
