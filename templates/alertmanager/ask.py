{% include "web/ask.py" %}

OURS = "opsctl maintenance by"


def health():
    ask("/-/ready")
    status = json.loads(ask("/api/v2/status"))
    tell("version", status["versionInfo"]["version"])
    tell("peers", len(status["cluster"].get("peers") or []))


def reload():
    """It answers only when it has taken everything in, and says what it refuses."""
    ask("/-/reload", "POST", 30)


def silence():
    """Nobody hears of a service for a while; what was said of that before counts no more."""
    wanted = json.load(sys.stdin)
    matcher = {"name": "service", "value": wanted["service"], "isRegex": False, "isEqual": True}
    for one in json.loads(ask("/api/v2/silences")):
        ours = one["createdBy"].startswith(OURS) and one["matchers"] == [matcher]
        if ours and one["status"]["state"] != "expired":
            ask(f"/api/v2/silence/{one['id']}", "DELETE")
    if wanted["seconds"]:
        now = datetime.datetime.now(datetime.timezone.utc)
        made = {
            "matchers": [matcher],
            "startsAt": now.isoformat(),
            "endsAt": (now + datetime.timedelta(seconds=wanted["seconds"])).isoformat(),
            "createdBy": f"{OURS} {wanted['who']}",
            "comment": wanted["reason"],
        }
        ask("/api/v2/silences", "POST", body=made)


run({"health": health, "reload": reload, "silence": silence})
