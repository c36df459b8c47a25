{% include "web/ask.py" %}


def health():
    """Whether it is ready; its targets, each up or why not; the files whose rules it has."""
    ask("/-/ready")
    targets = json.loads(ask("/api/v1/targets?state=active"))["data"]["activeTargets"]
    together = {}
    # One place may give several answers: what is said last counts.
    for target in sorted(targets, key=lambda one: one["health"] != "up"):
        labels = target["labels"]
        well = "up" if target["health"] == "up" else target["lastError"] or "not asked yet"
        tell(f"target {labels.get('member', '')}/{labels['job']}", well)
        name = f"{labels.get('service', '')}/*/{labels['job']}"
        if together.get(name, "up") == "up":
            together[name] = well
    for name, well in together.items():  # of all members of a service
        tell(f"target {name}", well)
    for group in json.loads(ask("/api/v1/rules"))["data"]["groups"]:
        tell(f"rules {group['file'].rpartition('/')[2]}", "loaded")
        for rule in group["rules"]:
            if rule["health"] == "err":
                tell(f"failing {rule['name']}", rule.get("lastError", ""))


def reload():
    """It answers only when it has taken everything in, and says what it refuses."""
    ask("/-/reload", "POST", 30)


run({"health": health, "reload": reload})
