"""How a server and a Sentinel stand, read from what they answer."""

from __future__ import annotations

from collections.abc import Sequence

from opsctl.engines.redis.asking import MARK, fields, pairs, parts
from opsctl.workload import Answer, Standing
from opsctl.workload.acts import Role

REDIS_QUESTIONS = (
    "INFO server replication persistence memory",
    f"PING {MARK}",
    "CONFIG GET replica-announce-ip replica-announce-port replica-priority",
)


def sentinel_questions(service: str) -> tuple[str, ...]:
    """What a Sentinel is asked for its standing."""
    return (
        f"SENTINEL MASTER {service}",
        f"PING {MARK}",
        f"SENTINEL CKQUORUM {service}",
        f"PING {MARK}",
        f"SENTINEL REPLICAS {service}",
        f"PING {MARK}",
        "INFO sentinel",
    )


# Seconds: a replica says every second how far it is, so who has not for longer may be gone.
_FRESH = 5


def _silent(reason: str) -> Standing:
    return Standing(role="unknown", ready=False, reason=reason)


def redis_standing(answer: Answer) -> Standing:
    """A data server. Details: address, version, replicas, replicating, priority, memory, run_id,
    saving (a snapshot is under way: 0 or 1), saved (how the last one ended: ok or err) and appended
    (how the last write to its AOF ended: ok or err).
    """
    try:
        info_lines, config_lines = parts(answer)
    except ValueError as error:
        return _silent(str(error))
    info, config = fields(info_lines), pairs(config_lines)
    if "role" not in info:
        return _silent(next(iter(info_lines), "") or "no answer to INFO")
    primary = info["role"] == "master"
    role: Role = "primary" if primary else "replica"
    offset = info.get("master_repl_offset" if primary else "slave_repl_offset", "")
    reason = _hindrance(info, primary)
    return Standing(
        role=role,
        ready=not reason,
        reason=reason,
        following="" if primary else f"{info.get('master_host')}:{info.get('master_port')}",
        offset=int(offset) if offset.isdecimal() else None,
        lag=0 if primary else None,
        details={
            "address": f"{config.get('replica-announce-ip')}:{config.get('replica-announce-port')}",
            "priority": config.get("replica-priority", ""),
            "version": info.get("valkey_version") or info.get("redis_version", ""),
            "replicas": info.get("connected_slaves", "0"),
            "replicating": " ".join(_online(info)),
            "memory": info.get("used_memory", ""),
            "run_id": info.get("run_id", ""),
            "saving": info.get("rdb_bgsave_in_progress", ""),
            "saved": info.get("rdb_last_bgsave_status", ""),
            "appended": info.get("aof_last_write_status", ""),
        },
    )


def _hindrance(info: dict[str, str], primary: bool) -> str:
    """Why it can't serve its role, or ""."""
    if info.get("loading", "0") not in ("0", ""):
        return f"loading its data, {info.get('loading_loaded_perc', '?')} %"
    if info.get("aof_last_write_status", "ok") != "ok":  # as primary it refuses writes
        return "the last write to its AOF failed"
    if primary:
        wanted = info.get("min_slaves_good_slaves")
        return "" if wanted is None or wanted.isdecimal() else f"odd answer {wanted}"
    if info.get("master_sync_in_progress") == "1":
        return "copying everything from the primary"
    if info.get("master_link_status") != "up":
        return f"no link to the primary {info.get('master_host')}:{info.get('master_port')}"
    return ""


def _online(info: dict[str, str]) -> list[str]:
    """The addresses of the replicas that follow the stream, and said so just now."""
    found = []
    for name, value in info.items():
        if name.startswith("slave") and name[5:].isdecimal():
            replica = dict(word.split("=", 1) for word in value.split(","))
            lag = replica.get("lag", "")
            if replica.get("state") == "online" and lag.isdecimal() and int(lag) <= _FRESH:
                found.append(f"{replica.get('ip')}:{replica.get('port')}")
    return sorted(found)


def sentinel_standing(answer: Answer) -> Standing:
    """A Sentinel. `following` is the primary that it believes in; ready when it has a quorum.

    Details: sentinels (known, itself included), replicas (known), quorum, epoch, flags, reported
    (the role that the primary last told of itself), patience (milliseconds of silence), tilt (1
    while it acts on nothing: it stood still for two seconds or its clock jumped, and that lasts 30
    seconds), and for each replica "priority HOST:PORT" and "flags HOST:PORT".
    """
    try:
        master_lines, quorum_lines, replica_lines, *info_lines = parts(answer)
    except ValueError as error:
        return _silent(str(error))
    master = pairs(master_lines)
    if "ip" not in master:
        return _silent(next(iter(master_lines), "") or "it watches nobody")
    quorum = next(iter(quorum_lines), "no answer")
    down = _downs(master.get("flags", ""))
    reason = down or ("" if quorum.startswith("OK") else quorum)
    details = {
        "sentinels": str(int(master.get("num-other-sentinels", "0")) + 1),
        "replicas": master.get("num-slaves", "0"),
        "quorum": master.get("quorum", ""),
        "epoch": master.get("config-epoch", ""),
        "flags": master.get("flags", ""),
        "reported": master.get("role-reported", ""),
        "patience": master.get("down-after-milliseconds", ""),
        "tilt": fields(info_lines[0]).get("sentinel_tilt", "") if info_lines else "",
    }
    for replica in _replicas(replica_lines):
        address = f"{replica.get('ip')}:{replica.get('port')}"
        details[f"priority {address}"] = replica.get("slave-priority", "")
        details[f"flags {address}"] = replica.get("flags", "")
    return Standing(
        role="arbiter",
        ready=not reason,
        reason=reason,
        following=f"{master['ip']}:{master.get('port')}",
        details=details,
    )


def _downs(flags: str) -> str:
    words = flags.split(",")
    if "failover_in_progress" in words:
        return "a failover is in progress"
    if "o_down" in words or "s_down" in words:
        return "it holds the primary for down"
    return ""


def _replicas(lines: Sequence[str]) -> list[dict[str, str]]:
    """SENTINEL REPLICAS is one flat list; each replica begins with its name."""
    found: list[dict[str, str]] = []
    for name, value in zip(lines[::2], lines[1::2], strict=False):
        if name == "name":
            found.append({})
        if found:
            found[-1][name] = value
    return found
