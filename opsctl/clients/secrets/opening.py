"""From what the spec says to an environment's secrets."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from opsctl.clients.secrets.command import Command
from opsctl.clients.secrets.encrypted import DEFAULT_NAME, EncryptedFile
from opsctl.clients.secrets.environment import EnvironmentSecrets
from opsctl.clients.secrets.password import VARIABLE, PasswordFile
from opsctl.clients.secrets.store import Store
from opsctl.clients.secrets.variables import Variables, WithVariables

if TYPE_CHECKING:
    from opsctl.model import Environment


def open_secrets(
    environment: Environment,
    folder: Path,
    generations: Mapping[str, int],
    variables: Variables,
    environ: Mapping[str, str] = os.environ,
) -> EnvironmentSecrets:
    """The secrets of `environment`, whose spec lies in `folder`; nothing is read yet.

    `variables` are what `Variables.take(os.environ)` gave once, when the command began; `environ`
    names the password's file.
    """
    store = _store(environment, folder, variables, environ.get(VARIABLE, ""))
    return EnvironmentSecrets(environment.id, store, generations)


def _store(environment: Environment, folder: Path, variables: Variables, named: str) -> Store:
    said = environment.secrets
    if said.backend == "env":
        return variables
    if said.backend != "file":
        return Command(said.backend.exec, folder)
    path = said.path and environment.beside(("secrets", "path"), said.path)
    configured = said.password_file and environment.beside(
        ("secrets", "password_file"), said.password_file
    )
    password = PasswordFile(
        environment.id, Path(named).expanduser() if named else None, configured or None
    )
    return WithVariables(EncryptedFile(path or folder / DEFAULT_NAME, password), variables)
