{% include "web/ask.py" %}


def health():
    ask("/")


run({"health": health})
