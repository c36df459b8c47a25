"""HAProxy, with keepalived where addresses float: balancers that routes go through.

Pure: seats, a spec and a Directory of lanes go in, a Workload comes out.
"""

from opsctl.engines.haproxy.engine import HAProxyEngine
from opsctl.engines.haproxy.options import HAProxyService

ENGINE = HAProxyEngine()

__all__ = ["ENGINE", "HAProxyEngine", "HAProxyService"]
