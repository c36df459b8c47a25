"""A service's dashboard and Grafana's files for it, whole, as they were reviewed."""

from __future__ import annotations

from pathlib import Path

from showing import Golden

from dashboards_world import ByName, dashboards, environment
from opsctl.monitoring.dashboards.build import build
from opsctl.monitoring.dashboards.provisioning import provider_file, source_file, source_uid

FOLDER = Path(__file__).parent / "dashboards"


def test_dashboards_are_as_reviewed(golden: Golden) -> None:
    spec = environment()
    shown = [one for one in dashboards() if one.file in ("environment", "service-sessions")]
    built = {f"{one.file}.json": build(one, spec, ByName(), source_uid(spec)) for one in shown}
    files = {
        "provider.yaml": provider_file(spec),
        "datasource.yaml": source_file(spec, "https://10.0.0.1:9090", "opsctl", "PEM of\nit\n"),
    }
    golden(FOLDER, {name: one.file for name, one in built.items()} | files)
