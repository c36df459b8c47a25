"""Where services run. The only rooms that import ansible_runner and kubernetes, or run ssh."""
