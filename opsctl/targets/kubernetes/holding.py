"""What keeps a server from failing over for a while, and ends by itself inside its pod. Pure.

Nobody outside could end it: a Job of the cluster may not run programs in pods. So a watcher sleeps
in the container until the time is over. What it needs lies on the member's volume, and the
container's start brings the watcher back.
"""

from __future__ import annotations

from typing import Final

from opsctl.targets.kubernetes.site import RUN, SOURCES, STORE
from opsctl.workload import Workload

SCRIPT: Final = "opsctl.hold.sh"  # its key in a member's ConfigMap

HOLD: Final = f"""\
# A maintenance of one process of this pod: what holds it, until when, and what lets it go.
#   begin COMPONENT SECONDS HOLD RELEASE    its end is armed before anything is held
#   end COMPONENT                           at once; what fails, the watcher tries again
#   resume COMPONENT                        after a start of the container
set -u
umask 077
verb=$1
name=$2
folder={RUN}
if [ -w {STORE} ]; then folder={STORE}; fi
file=$folder/hold-$name
mine={RUN}/hold-$name.watcher

watched() {{
  # A session of its own: who calls us in a hurry ends all that is in his.
  own=$(command -v setsid)
  $own sh "$0" watch "$name" </dev/null >/dev/null 2>&1 &
  echo $! > "$mine"
  kill -0 $!
}}
said() {{ sed -n "$1p" "$file" 2>/dev/null; }}
keep() {{ printf '%s\\n' "$@" > "$file.new" && mv -f "$file.new" "$file"; }}

case $verb in
  begin)
    keep "$(($(date +%s) + $3))" "$4" "$5" && watched || exit 1
    sh -c "$4"
    ;;
  end)
    [ -e "$file" ] || exit 0
    keep 0 "$(said 2)" "$(said 3)" && watched || exit 1
    sh -c "$(said 3)" && rm -f "$file"
    ;;
  resume)
    if [ -e "$file" ]; then watched; fi
    exit 0
    ;;
  watch)
    sleep 1  # until it is known who watches
    while [ -e "$file" ] && [ "$(cat "$mine")" = $$ ]; do
      limit=$(said 1)
      left=$((limit - $(date +%s)))
      if [ "$left" -gt 0 ]; then
        sleep $((left < 5 ? left : 5))
      elif sh -c "$(said 3)"; then
        if [ "$(said 1)" = "$limit" ]; then rm -f "$file"; else sh -c "$(said 2)"; fi
      else
        sleep 5
      fi
    done
    ;;
esac
"""


def script(workload: Workload) -> dict[str, str]:
    """The script as a key of a ConfigMap, where a service has something to hold."""
    return {SCRIPT: HOLD} if workload.hold.pins else {}


def resume(workload: Workload, member: str, component: str) -> tuple[tuple[str, ...], ...]:
    """What a container's start runs, where the process is one that can be held."""
    mine = [one for one in workload.hold.pins if (one.member, one.component) == (member, component)]
    return tuple(("sh", f"{SOURCES}/{SCRIPT}", "resume", one.component) for one in mine)
