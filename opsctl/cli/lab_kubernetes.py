"""`opsctl lab kubernetes`: a real Kubernetes cluster whose nodes are lab hosts."""

from __future__ import annotations

from typing import Annotated

import typer

from opsctl import wiring
from opsctl.cli.command import command, new_app
from opsctl.cli.lab_options import none_is_well
from opsctl.cli.session import Session
from opsctl.cli.views.lab_cluster import ClusterView

app = new_app("A Kubernetes cluster in throw-away hosts. `opsctl lab fault` breaks its nodes.")
ClusterName = Annotated[str, typer.Option("--name", help="Which cluster.")]
NAME = "kubernetes"


@command(app, "output")
def up(
    session: Session,
    name: ClusterName = NAME,
    nodes: Annotated[int, typer.Option(min=2, max=20, help="The first is the control plane.")] = 4,
) -> None:
    """Start a cluster, or what is missing of it. The first time builds Kubernetes (10 minutes)."""
    cluster = wiring.cluster_up(name, nodes=nodes, progress=session.screen.say)
    session.screen.result(ClusterView(cluster.name, cluster.kubeconfig, cluster.nodes()))


@command(app, "output")
def down(session: Session, name: ClusterName = NAME) -> None:
    """Remove the cluster: every process, network and file of it. Twice does no harm."""
    with none_is_well(session):
        wiring.cluster(name).down()
        session.screen.say(f"cluster {name} is gone")


@command(app, "output")
def status(session: Session, name: ClusterName = NAME) -> None:
    """The nodes, and whether they are ready."""
    cluster = wiring.cluster(name)
    session.screen.result(ClusterView(cluster.name, cluster.kubeconfig, cluster.nodes()))
