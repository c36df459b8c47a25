"""Which of our ports an nftables input policy would block: a best effort, read only."""

from __future__ import annotations

import json
from typing import Any

from .shell import run


def blocked(ports: list[int]) -> list[int]:
    """Ports that no rule of a dropping input chain names. Empty when nothing can be said."""
    if not ports:
        return []
    answer = run(["nft", "-j", "list", "ruleset"], timeout=5)
    if answer.exit:
        return []
    try:
        rules = json.loads(answer.out)["nftables"]
    except (ValueError, KeyError):
        return []
    dropping = {
        (chain["family"], chain["table"], chain["name"])
        for chain in (entry["chain"] for entry in rules if "chain" in entry)
        if chain.get("hook") == "input" and chain.get("policy") == "drop"
    }
    if not dropping:
        return []
    opened = [rule["rule"]["expr"] for rule in rules if "rule" in rule and _accepts(rule["rule"])]
    return [port for port in ports if not any(_names(expr, port) for expr in opened)]


def _accepts(rule: dict[str, Any]) -> bool:
    return any("accept" in part or "jump" in part for part in rule.get("expr", []))


def _names(expr: list[Any], port: int) -> bool:
    """Whether a rule's matches let a TCP port through; a rule on anything else does not count."""
    for part in expr:
        left = part.get("match", {}).get("left", {})
        if isinstance(left, dict) and left.get("payload", {}).get("field") == "dport":
            return _within(part["match"]["right"], port)
    return False


def _within(right: Any, port: int) -> bool:
    if isinstance(right, dict) and "set" in right:
        return any(_within(one, port) for one in right["set"])
    if isinstance(right, dict) and "range" in right:
        low, high = right["range"]
        return bool(low <= port <= high)
    return bool(right == port)
