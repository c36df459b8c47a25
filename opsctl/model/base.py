"""What every part of the spec is made of: frozen models, names, and refusals with a code."""

from __future__ import annotations

import re
from typing import Annotated, ClassVar, TypeAlias

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

Keys: TypeAlias = tuple[str | int, ...]
"""The way from the top of the spec to one of its values: ("services", "web", "users", 0)."""

PLAIN_SECRET = "spec/plain-secret"  # noqa: S105 a code; what stands there is never shown
NAME_LENGTH = 40  # a name becomes part of unit names and of 63-character DNS labels
_NAME = r"[a-z0-9]([a-z0-9-]*[a-z0-9])?"
_SECRET = r"[A-Za-z0-9][A-Za-z0-9._/-]*"  # noqa: S105 a pattern; backends such as pass use paths


class Model(BaseModel):
    """A frozen part of the spec that refuses keys it does not know.

    `noun` names the part in messages ('a host has no key "adress"').
    """

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)
    noun: ClassVar[str] = ""


def problem(code: str, message: str, *, hint: str = "", keys: Keys = ()) -> PydanticCustomError:
    """A refusal for a pydantic validator to raise; it becomes a SpecError at the right line.

    `code` is "spec/kebab-case"; `keys` leads from the validated value to the part at fault.
    """
    text = message.replace("{", "{{").replace("}", "}}")  # pydantic would fill braces in
    return PydanticCustomError(code, text, {"said": message, "hint": hint, "keys": keys})


def check_name(name: str) -> str:
    """The name itself; refuses (spec/bad-name) what is no lower-case DNS label."""
    if len(name) > NAME_LENGTH:
        raise problem(
            "spec/bad-name", f'the name "{name}" has {len(name)} characters', hint="at most 40"
        )
    if re.fullmatch(_NAME, name) is None:
        likely = re.sub(r"[^a-z0-9-]+", "-", name.lower()).strip("-")
        raise problem(
            "spec/bad-name",
            f'"{name}" is no name: lower-case letters, digits and inner dashes only',
            hint=f'did you mean "{likely}"?' if likely else "",
        )
    return name


Name: TypeAlias = Annotated[
    str,
    AfterValidator(check_name),
    WithJsonSchema({"type": "string", "pattern": f"^{_NAME}$", "maxLength": NAME_LENGTH}),
]
Port: TypeAlias = Annotated[int, Field(ge=1, le=65535)]


def _check_secret_name(name: str) -> str:
    if len(name) > 100 or re.fullmatch(_SECRET, name) is None:
        raise problem(
            PLAIN_SECRET,
            "this is no name of a secret",
            hint="secret: the name the backend knows it by (letters, digits, . _ / -)",
        )
    return name


class SecretValue(Model):
    """`{secret: name}`: a value that the secrets backend holds, never the spec."""

    noun = "a secret value"
    secret: Annotated[
        str,
        AfterValidator(_check_secret_name),
        WithJsonSchema({"type": "string", "pattern": f"^{_SECRET}$", "maxLength": 100}),
    ] = Field(description="The name the backend knows it by.")


def _only_by_name(value: object) -> object:
    if isinstance(value, str | int | float):
        raise problem(
            PLAIN_SECRET,
            "a secret does not stand in the spec",
            hint="write {secret: NAME}; the secrets backend holds its value",
        )
    return value


Secret: TypeAlias = Annotated[SecretValue, BeforeValidator(_only_by_name)]
"""The type of a key that takes a secret; a plain value there is refused and never shown."""
