"""Secrets of one environment: what is derived from its root key, and what people gave.

`open_secrets` gives an EnvironmentSecrets, which implements `opsctl.ports.Secrets`; three stores
keep the root key and the given values: an encrypted file, environment variables, a command.
"""

from opsctl.clients.secrets.environment import EnvironmentSecrets, KnownSecret
from opsctl.clients.secrets.masking import Masker
from opsctl.clients.secrets.opening import open_secrets
from opsctl.clients.secrets.store import ROOT_KEY, Store
from opsctl.clients.secrets.variables import Variables

__all__ = [
    "ROOT_KEY",
    "EnvironmentSecrets",
    "KnownSecret",
    "Masker",
    "Store",
    "Variables",
    "open_secrets",
]
