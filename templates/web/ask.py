# Written by opsctl for {{ member }}; changes made here are undone by the next apply.
import base64
import datetime
import json
import sys
import urllib.error
import urllib.request

HOST, PORT = "{{ host }}", {{ port }}
USER, PASSWORD_FILE = "{{ user }}", "{{ password_file }}"
SECONDS = 2.5


def ask(path, method="GET", seconds=SECONDS, body=None):
    """The answer's text. Raises OSError with what the server said when it refused."""
    with open(PASSWORD_FILE) as file:
        login = f"{USER}:{file.read().strip()}"
    host = f"[{HOST}]" if ":" in HOST else HOST
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"http://{host}:{PORT}{path}", data, method=method)
    request.add_header("Content-Type", "application/json")
    request.add_header("Authorization", "Basic " + base64.b64encode(login.encode()).decode())
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=seconds) as answer:
            return answer.read().decode()
    except urllib.error.HTTPError as error:
        raise OSError(error.read().decode().strip() or str(error)) from error


def tell(name, value):
    print(name, " ".join(str(value).split()), sep="\t")


def run(verbs):
    try:
        verbs[sys.argv[1]]()
    except OSError as error:
        sys.exit(f"it does not answer: {error}")
