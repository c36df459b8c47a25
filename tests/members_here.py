"""Members of a described service on this machine: their files laid down as a target would."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from opsctl.ports import Secrets
from opsctl.workload import AddressRef, CertRef, Member, Ref, Seat, SecretRef

HERE = "127.0.0.1"


def seat(member: str, folder: Path, ports: Mapping[str, int]) -> Seat:
    """One of a system whose servers are the oldest that are supported."""
    below = folder / member
    return Seat(
        member, "all", "here", "", "debian-12", ports,
        str(below / "etc"), str(below / "data"), str(below / "run"),
    )  # fmt: skip


def lay_down(member: Member, secrets: Secrets, given: Mapping[str, str] | None = None) -> Path:
    """Writes all files of a member; gives their folder. `given`: what people gave."""

    def said(part: Ref) -> str:
        if isinstance(part, AddressRef):
            return HERE
        if isinstance(part, CertRef):
            return secrets.certificate(part.called(lambda _: HERE)) or ""
        assert isinstance(part, SecretRef)
        return (given or {})[part.name] if part.given else secrets.value(part) or ""

    for component in member.components:
        for file in component.all_files:
            path = Path(file.path)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(file.text.fill(said))
    for path in (member.seat.data_dir, member.seat.run_dir):
        Path(path).mkdir(parents=True, exist_ok=True)
    return Path(member.seat.config_dir)
