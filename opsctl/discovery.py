"""The engines that are installed, found by entry point: adding one touches only its own folder."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache, cached_property
from typing import TYPE_CHECKING, cast

from opsctl.errors import Exit, OpsError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

    from opsctl.model import ServiceBase
    from opsctl.workload.engine import Engine

_GROUP = "opsctl.engines"
_OURS = "opsctl-toolkit"  # the distribution that this package comes in


@cache
def engines() -> Mapping[str, Engine]:
    """Every engine by the name of its entry point; ours come first, both kinds in the order of
    names. Empty where opsctl is not installed.

    An engine is imported when it is asked for, so that a spec pays only for those that it names,
    and who seeks one that can do something needs none of another package where ours can.
    Asking for one that can't be imported raises OpsError.
    """
    return _Engines()


def option_models() -> Mapping[str, type[ServiceBase]]:
    """Every engine's name and the model of its own keys; as late, and raises as `engines`."""
    return _Options(engines())


class _Engines(Mapping[str, "Engine"]):
    """Our own are found first, without a search through every package of this Python."""

    def __init__(self) -> None:
        self._loaded: dict[str, Engine] = {}

    def __getitem__(self, name: str) -> Engine:
        if name not in self._loaded:
            self._loaded[name] = _load(self._ours.get(name) or self._all[name])
        return self._loaded[name]

    def __contains__(self, name: object) -> bool:
        return name in self._ours or name in self._all

    def __iter__(self) -> Iterator[str]:
        return iter(self._all)

    def __len__(self) -> int:
        return len(self._all)

    @cached_property
    def _ours(self) -> Mapping[str, EntryPoint]:
        from importlib.metadata import PackageNotFoundError, distribution

        try:
            points = distribution(_OURS).entry_points.select(group=_GROUP)
        except PackageNotFoundError:
            return {}
        return {point.name: point for point in points}

    @cached_property
    def _all(self) -> Mapping[str, EntryPoint]:
        from importlib.metadata import entry_points

        points = {point.name: point for point in entry_points(group=_GROUP)}
        return {name: points[name] for name in sorted(points, key=self._turn)}

    def _turn(self, name: str) -> tuple[bool, str]:
        return name not in self._ours, name


class _Options(Mapping[str, "type[ServiceBase]"]):
    def __init__(self, known: Mapping[str, Engine]) -> None:
        self._known = known

    def __getitem__(self, name: str) -> type[ServiceBase]:
        return self._known[name].options

    def __contains__(self, name: object) -> bool:
        return name in self._known

    def __iter__(self) -> Iterator[str]:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)


def _load(point: EntryPoint) -> Engine:
    try:
        return cast("Engine", point.load())
    except (ImportError, AttributeError) as error:
        raise OpsError(
            "engine/not-importable",
            f"the engine {point.name} can't be imported: {error}",
            where=point.value,
            hint="install opsctl, or the package that brings this engine, again",
            exit=Exit.FAILED,
        ) from error
