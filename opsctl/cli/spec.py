"""`opsctl validate` and `opsctl schema`: nothing but the files is looked at."""

from __future__ import annotations

import json

from opsctl.cli.command import command, new_app
from opsctl.cli.session import Session

app = new_app()


@command(app, "spec", "output")
def validate(session: Session) -> None:
    """Check the spec: mistakes with their lines, then advice.

    Advice goes to standard error; with --strict it counts as mistakes (exit 2).
    """
    from opsctl.cli.views.spec import ValidView

    environment = session.environment()
    findings = session.findings(environment)
    if session.options.output in (None, "human"):
        for finding in findings:
            session.screen.advice(finding)
            session.screen.say("")
    session.screen.result(ValidView(environment, findings))


@command(app)
def schema(session: Session) -> None:
    """Print the spec's JSON Schema, for editors.

    In VS Code: opsctl schema > opsctl.schema.json, then name that file in yaml.schemas.
    """
    from opsctl.model import schema as schema_of

    session.screen.text(json.dumps(schema_of(session.engines()), indent=2, ensure_ascii=False))
