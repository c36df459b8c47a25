{% include "web/ask.py" %}


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
    before = [one for one in json.loads(ask("/api/v2/silences")) if ours(one, wanted)]
    now = datetime.datetime.now(datetime.timezone.utc)
    for labels in wanted["labels"] if wanted["seconds"] else ():
        made = {
            "matchers": [matcher(name, value) for name, value in labels.items()],
            "startsAt": now.isoformat(),
            "endsAt": (now + datetime.timedelta(seconds=wanted["seconds"])).isoformat(),
            "createdBy": wanted["sign"] + wanted["who"],
            "comment": wanted["reason"],
        }
        ask("/api/v2/silences", "POST", body=made)
    for one in before:  # only now: no alert gets through between the two
        ask(f"/api/v2/silence/{one['id']}", "DELETE")


def ours(one, wanted):
    if one["status"]["state"] == "expired" or not one["createdBy"].startswith(wanted["sign"]):
        return False
    return matcher("environment", wanted["environment"]) in one["matchers"]


def matcher(name, value):
    return {"name": name, "value": value, "isRegex": False, "isEqual": True}


run({"health": health, "reload": reload, "silence": silence})
