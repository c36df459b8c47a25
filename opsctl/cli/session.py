"""One call of a command: its options, its screen, and the spec it is about."""

from __future__ import annotations

import os
import shlex
from functools import cached_property
from typing import TYPE_CHECKING

from opsctl.cli.options import Options
from opsctl.errors import Exit, OpsError, OpsErrors

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opsctl.cli.views import Screen
    from opsctl.flow.parts import Parts
    from opsctl.model import Environment, Finding, ServiceBase
    from opsctl.planning.desired import Scope
    from opsctl.wiring import SecretsDoor


class Session:
    """What a command works with."""

    def __init__(self, options: Options) -> None:
        self.options = options

    @cached_property
    def screen(self) -> Screen:
        """Prints in the form that was asked for."""
        from opsctl.cli.views import Screen

        plain = self.options.no_color or bool(os.environ.get("NO_COLOR"))
        return Screen(self.options.output or "human", color=not plain)

    def parts(self, *, advise: bool = False, hasty: bool = False) -> Parts:
        """The spec's concrete parts. Raises OpsError for a wrong spec, --strict's too."""
        from opsctl import wiring

        given = self.options
        parts = wiring.parts(
            given.spec_files,
            given.sets,
            unsupported=given.unsupported,
            force_conflicts=given.force_conflicts,
            hasty=hasty,
        )
        findings = self.findings(parts.environment)
        if findings and advise:
            words = "a warning" if len(findings) == 1 else f"{len(findings)} warnings"
            self.screen.say(f"the spec has {words}: see `{self.words('validate')}`")
        for name in self.options.limit:
            parts.service(name.partition("/")[0])
        return parts

    def secrets(self) -> SecretsDoor:
        """The secrets of the spec, which is read when something is asked of them."""
        from opsctl import wiring

        return wiring.secrets(self.options.spec_files, self.options.sets)

    def environment(self) -> Environment:
        """The spec alone. Raises OpsErrors with every mistake."""
        from opsctl.model import load

        return load(self.options.spec_files, self.options.sets, engines=self.engines())

    def engines(self) -> Mapping[str, type[ServiceBase]]:
        """The engines that are installed, each with the keys of its services."""
        from opsctl.discovery import option_models

        return option_models()

    def findings(self, environment: Environment) -> tuple[OpsError, ...]:
        """What the linter says, in the look of errors. Raises those that are errors themselves."""
        from opsctl.model import lint

        found = lint(environment)
        wrong = [item for item in found if item.severity == "error" or self.options.strict]
        if wrong:
            raise OpsErrors(tuple(as_error(item) for item in wrong))
        return tuple(as_error(item) for item in found)

    def scope(self) -> Scope:
        """What a plan may touch, as the options say."""
        from opsctl.planning.desired import Scope

        given = self.options
        return Scope(given.limit, given.prune, delete_data=frozenset(given.delete_data))

    def words(self, command: str) -> str:
        """The line to type for another command about the same spec."""
        return f"opsctl {command} {self.flags}".rstrip()

    @property
    def flags(self) -> str:
        """The options that say which spec is meant."""
        files = [word for file in self.options.files for word in ("-f", str(file))]
        sets = [word for text in self.options.sets for word in ("--set", text)]
        return shlex.join([*files, *sets])


def as_error(finding: Finding) -> OpsError:
    """A finding of the linter in the look of an error."""
    return OpsError(
        finding.code,
        finding.message,
        where=finding.where or None,
        hint=finding.hint,
        exit=Exit.INPUT,
    )
