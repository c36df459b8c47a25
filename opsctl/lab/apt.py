"""The machine's own apt settings, carried over into base images: mirror, proxy, certificates."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from opsctl.errors import Exit, OpsError
from opsctl.lab.commands import run

CERTIFICATES = Path("/usr/local/share/ca-certificates")


@dataclass(frozen=True, slots=True)
class Mirror:
    """Where the machine gets Debian and its security updates from ("" for none)."""

    main: str
    security: str

    def sources(self, codename: str) -> str:
        """A one-line-format sources list for another release of Debian."""
        lines = f"deb {self.main} {codename} main\ndeb {self.main} {codename}-updates main\n"
        if self.security:
            lines += f"deb {self.security} {codename}-security main\n"
        return lines


def mirror(texts: Iterable[str]) -> Mirror:
    """The mirror named by sources files, deb822 or one line each.

    Raises OpsError lab/no-mirror when they name none.
    """
    main = security = ""
    for uri, suites in [pair for text in texts for pair in _entries(text)]:
        codename = re.compile(r"^(bullseye|bookworm|trixie|forky|stable|oldstable|testing)")
        if not any(codename.match(suite) for suite in suites) or "debian" not in uri:
            continue
        if any("-security" in suite for suite in suites):
            security = uri
        elif "-backports" not in " ".join(suites):
            main = uri
    if not main:
        raise OpsError(
            "lab/no-mirror",
            "this machine's apt sources name no Debian mirror, so hosts can't be built",
            where="/etc/apt",
            hint="add one to /etc/apt/sources.list, such as: deb MIRROR trixie main",
            exit=Exit.REFUSED,
        )
    return Mirror(main, security)


def _entries(text: str) -> list[tuple[str, list[str]]]:
    """(URI, suites) of each entry that is not switched off."""
    found = re.findall(r"(?m)^deb\s+(?:\[[^\]]*\]\s*)?(\S+)\s+(\S+)", text)
    entries = [(uri.rstrip("/"), [suite]) for uri, suite in found]
    for stanza in re.split(r"\n\s*\n", text):
        fields = dict(re.findall(r"(?m)^([A-Za-z-]+):\s*(.+)$", stanza))
        if "URIs" in fields and fields.get("Enabled", "yes") != "no":
            uris = fields["URIs"].split()
            entries.append((uris[0].rstrip("/"), fields.get("Suites", "").split()))
    return entries


def machine_mirror() -> Mirror:
    """What /etc/apt of this machine says."""
    places = [Path("/etc/apt/sources.list"), *Path("/etc/apt/sources.list.d").glob("*")]
    return mirror(
        place.read_text()
        for place in places
        if place.is_file() and (place.suffix in {".list", ".sources"})
    )


def machine_options(environment: Mapping[str, str] = os.environ) -> tuple[str, ...]:
    """Proxy, checks and retries of the machine's apt, as lines of apt.conf."""
    dump = run(["apt-config", "dump"], what="reading the machine's apt settings").stdout
    wanted = re.compile(r'^Acquire::(https?::|Check-|Retries|Force)\S* ".+";$')
    options = [line for line in dump.splitlines() if wanted.match(line)]
    for scheme in ("http", "https"):
        proxy = environment.get(f"{scheme}_proxy")
        if proxy and not any(line.startswith(f"Acquire::{scheme}::Proxy ") for line in options):
            options.append(f'Acquire::{scheme}::Proxy "{proxy}";')
    return tuple(options)


def machine_certificates() -> tuple[Path, ...]:
    """Certificate authorities that were added to this machine."""
    return tuple(sorted(CERTIFICATES.glob("*.crt")))
