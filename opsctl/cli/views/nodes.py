"""Hosts and cluster nodes, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.text import Text

from opsctl.cli.views.errors import error_data, error_lines, warning_lines
from opsctl.cli.views.lines import size_words
from opsctl.errors import OpsError
from opsctl.planning.observation import Node, Problem


def fact_words(node: Node) -> str:
    """The facts that people compare nodes by, in one cell; programs get all of them."""
    facts = node.facts
    memory = facts.get("memory", "")
    words = [
        f"{facts['cpus']} cpus" if "cpus" in facts else "",
        size_words(int(memory)) if memory.isdecimal() else memory,
        f"kernel {facts['kernel']}" if "kernel" in facts else "",
        f"python {facts['python']}" if "python" in facts else "",
    ]
    return ", ".join(filter(None, words))


def node_data(node: Node) -> dict[str, object]:
    """One node for programs."""
    return {"where": node.where, "system": node.system, "facts": dict(node.facts)}


def problem_data(problem: Problem) -> dict[str, object]:
    """One problem for programs."""
    return {"severity": problem.severity, **error_data(problem.error)}


def problem_lines(problems: Sequence[Problem]) -> Iterator[Text]:
    """Every problem once, with all the places that have it; warnings as such."""
    alike: dict[tuple[str, ...], list[Problem]] = {}
    for problem in problems:
        error = problem.error
        key = (problem.severity, error.code, error.message, error.hint, *error.details)
        alike.setdefault(key, []).append(problem)
    for group in alike.values():
        error = group[0].error
        places = dict.fromkeys(
            str(one.error.where or one.where) for one in sorted(group, key=_place)
        )
        whole = OpsError(
            error.code,
            error.message,
            where=", ".join(places),
            hint=error.hint,
            details=error.details,
        )
        yield Text()
        yield from (error_lines if group[0].severity == "error" else warning_lines)(whole)


def _place(problem: Problem) -> str:
    return problem.where
