{% include "web/ask.py" %}


def health():
    ask("/-/healthy")


run({"health": health})
