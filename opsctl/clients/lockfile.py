"""`opsctl.lock`: what was resolved, beside the spec and under version control.

Only `opsctl upgrade` raises versions in it, and only `opsctl secrets rotate` raises a generation.
"""

from __future__ import annotations

import stat
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Self

from opsctl.clients.files import write_atomically
from opsctl.clients.lock_text import LARGEST, Resolved, Sections, read, refusal, write
from opsctl.errors import OpsError

NAME = "opsctl.lock"
_NONE: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class LockFile:
    """`opsctl` is the version that wrote it last; an empty one has "" there.

    packages: target to package to version; images: target to image to reference with digest;
    generations: derived secret to generation (absent: 1); environment: the id of the one that it is
    of, "" where nobody has said so yet.
    """

    opsctl: str = ""
    packages: Resolved = field(default_factory=dict)
    images: Resolved = field(default_factory=dict)
    generations: Mapping[str, int] = field(default_factory=dict)
    environment: str = ""

    @classmethod
    def of(cls, environment: str, folder: Path) -> tuple[Path, Self]:
        """The file of an environment whose spec lies in `folder`, and what stands there. One that
        shares the folder with others, as overlays do, has a file of its own where `opsctl.lock` is
        another's: what one raises must not reach the other. It begins with the other's generations,
        for the two may have shared the file before, and none may fall. Raises as `load`."""
        path, own = folder / NAME, folder / f"opsctl.{environment}.lock"
        found = cls.load(path)
        if own.exists():
            path, found = own, cls.load(own)
        elif found.environment not in ("", environment):
            path, found = own, cls(generations=found.generations)
        return path, replace(found, environment=environment)

    @classmethod
    def load(cls, path: Path) -> Self:
        """What stands in the file; an empty one when it is not there.

        Raises OpsError (exit 2): lockfile/unreadable, lockfile/syntax, lockfile/newer-schema,
        lockfile/bad-value.
        """
        try:
            with path.open("rb") as file:
                content = file.read(LARGEST + 1)
        except FileNotFoundError:
            return cls()
        except OSError as error:
            raise refusal("unreadable", f"can't be read: {error.strerror}", path) from None
        return cls(*read(content, path))

    def merged(
        self,
        opsctl: str,
        *,
        packages: Resolved | None = None,
        images: Resolved | None = None,
        generations: Mapping[str, int] | None = None,
    ) -> LockFile:
        """With these laid over, written by that version of opsctl. Itself when nothing changes.

        A generation never falls: the greater one stays.
        """
        known = self.generations
        raised = {name: max(known.get(name, 1), n) for name, n in (generations or {}).items()}
        after = replace(
            self,
            packages=_laid_over(self.packages, packages or {}),
            images=_laid_over(self.images, images or {}),
            generations={
                **known,
                **{name: n for name, n in raised.items() if n > 1 or name in known},
            },
        )
        return self if after == self else replace(after, opsctl=opsctl)

    def save(self, path: Path) -> bool:
        """Writes the file atomically; False when it stood so already.

        Raises OpsError lockfile/unwritable.
        """
        text = self.text().encode()
        mode = 0o644
        try:
            if path.exists():
                if path.read_bytes() == text:
                    return False
                mode = stat.S_IMODE(path.stat().st_mode)
            write_atomically(path, text, mode)
        except OSError as error:
            raise OpsError(
                "lockfile/unwritable", f"can't be written: {error.strerror}", where=str(path),
                hint=f"ls -ld {path.parent} {path}",
            ) from None  # fmt: skip
        return True

    def text(self) -> str:
        """What `save` writes."""
        sections = (self.opsctl, self.packages, self.images, self.generations, self.environment)
        return write(Sections(*sections))


def _laid_over(below: Resolved, above: Resolved) -> Resolved:
    return {
        target: {**below.get(target, _NONE), **above.get(target, _NONE)}
        for target in (*below, *above)
    }
