"""Quantities with their unit: `256MiB`, `5s`, `99.9%`. One frozen type each."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Annotated, ClassVar, Self, TypeAlias

from pydantic import BeforeValidator, GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

from opsctl.model.base import problem

_BINARY = {unit: 1024**power for power, unit in enumerate(("B", "KiB", "MiB", "GiB", "TiB"))}
_DECIMAL = {unit: 1000**power for power, unit in enumerate(("B", "kB", "MB", "GB", "TB"))}
_TIME = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
_LARGEST = 2**63 - 1  # what servers and JSON readers hold
_NUMBER = r"\d{1,19}(?:\.\d{1,9})?"
_PART = re.compile(rf"({_NUMBER})\s*([A-Za-zµ]+)")


@dataclass(frozen=True, order=True, slots=True)
class Quantity:
    """A whole count of the smallest unit; subclasses say which."""

    count: int
    units: ClassVar[Mapping[str, int]] = {}
    what: ClassVar[str] = "a quantity"
    example: ClassVar[str] = ""
    likely: ClassVar[str] = ""  # the unit meant by most who leave it out

    @classmethod
    def parse(cls, text: str) -> Self:
        """The quantity that `text` says; raises ValueError with the reason otherwise."""
        parts = _PART.findall(text)
        if not parts or _PART.sub("", text).strip():
            raise ValueError(f'"{text}" is not {cls.what} with its unit')
        unknown = [unit for _, unit in parts if unit not in cls.units]
        if unknown:
            raise ValueError(f'"{unknown[0]}" is not a unit of {cls.what}')
        total = sum(Fraction(number) * cls.units[unit] for number, unit in parts)
        if total.denominator != 1:
            raise ValueError(f'"{text}" is not a whole number of {next(iter(cls.units))}')
        if total > _LARGEST:
            raise ValueError(f'"{text}" is more than can be')
        return cls(int(total))

    def __str__(self) -> str:
        if not self.count:
            return f"0{next(iter(self.units))}"
        fitting = [(self.count // size, unit) for unit, size in self.units.items()
                   if self.count % size == 0]  # fmt: skip
        number, unit = min(fitting, key=lambda pair: (pair[0], -self.units[pair[1]]))
        return f"{number}{unit}"

    @classmethod
    def _read(cls, value: object) -> Quantity:
        if isinstance(value, cls):
            return value
        if value == 0 and not isinstance(value, bool | str):
            return cls(0)  # nothing is nothing in every unit
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise problem("spec/wrong-type", f"{cls.what} is wanted", hint=f"such as {cls.example}")
        try:
            return cls.parse(str(value))
        except ValueError as error:
            bare = re.fullmatch(_NUMBER, str(value)) is not None
            message = f"{value} has no unit" if bare else str(error)
            raise problem("spec/unit", message, hint=cls._suggest(str(value))) from None

    @classmethod
    def _suggest(cls, text: str) -> str:
        match = re.fullmatch(rf"({_NUMBER})\s*([A-Za-z]*)", text.strip())
        if match is None:
            return f"such as {cls.example}"
        number, unit = match.groups()
        unit = unit.lower()
        same = [name for name in cls.units if name.lower() == unit]
        longer = [name for name in cls.units if unit and name.lower().startswith(unit)]
        shorter = [name for name in cls.units if unit.startswith(name.lower())][::-1]
        likely = same + longer + shorter
        return f"did you mean {number}{(likely or [cls.likely])[0]}?"

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: object, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        units = "|".join(cls.units)
        pattern = rf"^(\s*{_NUMBER}\s*({units}))+\s*$"
        published = core_schema.union_schema(
            [core_schema.str_schema(pattern=pattern), core_schema.literal_schema([0])]
        )
        return core_schema.no_info_plain_validator_function(
            cls._read,
            json_schema_input_schema=published,
            serialization=core_schema.to_string_ser_schema(),
        )


@dataclass(frozen=True, order=True, slots=True)
class Bytes(Quantity):
    """An amount of memory or disk; `count` is in bytes. `256MiB`, `1GB`."""

    units: ClassVar[Mapping[str, int]] = {**_BINARY, **_DECIMAL}
    what: ClassVar[str] = "a size"
    example: ClassVar[str] = "256MiB"
    likely: ClassVar[str] = "MiB"

    def __int__(self) -> int:
        return self.count


@dataclass(frozen=True, order=True, slots=True)
class Duration(Quantity):
    """A length of time; `count` is in milliseconds. `500ms`, `5s`, `1h30m`, `15d`."""

    units: ClassVar[Mapping[str, int]] = _TIME
    what: ClassVar[str] = "a duration"
    example: ClassVar[str] = "5s"
    likely: ClassVar[str] = "s"

    @property
    def milliseconds(self) -> int:
        return self.count

    @property
    def seconds(self) -> float:
        return self.count / 1000


def _days(value: object) -> object:
    """A bare number means days to most who write one here, and is refused all the same."""
    if value != 0 and not isinstance(value, bool) and re.fullmatch(_NUMBER, str(value)):
        raise problem("spec/unit", f"{value} has no unit", hint=f"did you mean {value}d?")
    return value


# How long something is kept. It differs from other durations only in the hint.
Retention: TypeAlias = Annotated[Duration, BeforeValidator(_days)]
