"""Routes: what the spec says of how clients reach services, for the balancers that lead them.

Pure: the environment and what was described before go in, a Directory comes out.
"""

from opsctl.routes.directory import directory
from opsctl.routes.ways import ways

__all__ = ["directory", "ways"]
