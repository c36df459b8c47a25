"""Where the secrets of an environment are kept."""

from __future__ import annotations

from typing import Annotated, Literal, Self, TypeAlias

from pydantic import Discriminator, Field, Tag, model_validator

from opsctl.model.base import Model, problem


class ExecBackend(Model):
    """A program that prints a secret (sops, vault, pass, ...)."""

    noun = "backend"
    exec: tuple[str, ...] = Field(
        min_length=1, description="The command; the secret's name is its last argument."
    )


Backend: TypeAlias = Annotated[
    Annotated[Literal["file", "env"], Tag("word")] | Annotated[ExecBackend, Tag("ExecBackend")],
    Discriminator(lambda value: "ExecBackend" if isinstance(value, dict | ExecBackend) else "word"),
]


class Secrets(Model):
    """Where the root key and people's secrets are kept."""

    noun = "secrets"
    backend: Backend = Field(
        "file", description="file (encrypted, ansible-vault format), env or {exec: [command]}."
    )
    path: str | None = Field(None, description="The encrypted file; beside the spec if left out.")
    password_file: str | None = Field(None, description="The file with its password.")

    @model_validator(mode="after")
    def _paths_are_for_files(self) -> Self:
        for key in ("path", "password_file"):
            if self.backend != "file" and getattr(self, key) is not None:
                raise problem(
                    "spec/value", f'"{key}" means nothing to this backend', keys=(key,),
                    hint="only backend: file has it",
                )  # fmt: skip
        return self
