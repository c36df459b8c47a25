"""A real Kubernetes cluster in lab hosts: built from source, started, and removed again."""

from opsctl.lab.kubernetes.cluster import NAME, Cluster, ClusterNode, find
from opsctl.lab.kubernetes.go import program, programs
from opsctl.lab.kubernetes.making import up

__all__ = ["NAME", "Cluster", "ClusterNode", "find", "program", "programs", "up"]
