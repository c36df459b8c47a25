{% include "web/ask.py" %}


def health():
    """Whether it measures: it says at once which routes it tries."""
    lines = ask("/metrics").splitlines()
    tell("routes", sum(line.startswith("opsctl_probe_route_info{") for line in lines))


run({"health": health})
