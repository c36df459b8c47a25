"""What ssh, sudo and the host's shell say when a host can't be worked on, as errors. Pure."""

from __future__ import annotations

import re

from opsctl.errors import Exit, OpsError
from opsctl.targets.hosts.ssh import Said

_UNREACHABLE = re.compile(
    r"timed out|refused|No route to host|Network is unreachable|Could not resolve|"
    r"Connection closed|Connection reset|closed by|kex_exchange|Broken pipe|not known|"
    r"mux_client|Control socket|disconnect",
    re.IGNORECASE,
)


def unreachable(where: str, address: str, said: Said) -> OpsError | None:
    """The error of a call that brought no answer; None when the host was reached."""
    text = said.err.strip()
    last = text.splitlines()[-1] if text else ""
    if said.exit is None:
        return _error(
            "hosts/timeout",
            where,
            f"{address} gave no answer within {said.ended - said.began:.0f} s",
            "is the host up and not overloaded?",
        )
    if "Host key verification failed" in text or "IDENTIFICATION HAS CHANGED" in text:
        return _host_key(where, address, text)
    if "Permission denied (" in text or "Too many authentication failures" in text:
        return _error(
            "hosts/key-refused",
            where,
            f"{address} refused the key: {last}",
            "ssh: {user: ..., key: ...} chooses another; ssh-copy-id puts a key there",
        )
    if sudo := _sudo(where, text):
        return sudo
    if "python3" in text and said.exit in (126, 127):
        hint = "apt-get install python3-minimal"
        return _error("hosts/no-python", where, "there is no /usr/bin/python3", hint)
    if said.exit == 255 or _UNREACHABLE.search(last):
        hint = f"ssh {address} true; opsctl preflight shows all hosts"
        return _error("hosts/unreachable", where, last or f"{address} can't be reached", hint)
    return None


def _host_key(where: str, address: str, text: str) -> OpsError:
    if "IDENTIFICATION HAS CHANGED" in text:
        return _error(
            "hosts/host-key",
            where,
            f"the host key of {address} is not the one in known_hosts",
            f"was it set up anew? then: ssh-keygen -R {address}",
        )
    return _error(
        "hosts/host-key",
        where,
        f"the host key of {address} is not in known_hosts",
        f"check it and accept it once: ssh {address} true",
    )


def _sudo(where: str, text: str) -> OpsError | None:
    """sudo's refusals: no right, no password, a wrong one, not installed."""
    if "a password is required" in text or "a terminal is required" in text:
        hint = "ssh: {become_password: {secret: NAME}}, or NOPASSWD in sudoers"
        return _error("hosts/no-sudo", where, "sudo asks for a password", hint)
    if "incorrect password" in text or "Sorry, try again" in text:
        hint = "correct the secret that ssh.become_password names"
        return _error("hosts/no-sudo", where, "sudo refused the password", hint)
    if "not in the sudoers" in text or "may not run sudo" in text or "is not allowed" in text:
        hint = "let the user work as root through sudo, or log in as root"
        return _error("hosts/no-sudo", where, "the user may not use sudo", hint)
    if "sudo" in text and "not found" in text:
        hint = "apt-get install sudo, or log in as root"
        return _error("hosts/no-sudo", where, "there is no sudo", hint)
    return None


def _error(code: str, where: str, message: str, hint: str) -> OpsError:
    return OpsError(code, message, where=f"host {where}", hint=hint, exit=Exit.UNOBSERVED)
