"""One package per engine. Each is pure: seats go in, a Workload comes out, nothing is touched."""
