# Written by opsctl for {{ member }}; changes made here are undone by the next apply.
import base64
import datetime
import http.client
import json
import ssl
import sys
import urllib.error
import urllib.request

HOST, PORT = "{{ host }}", {{ port }}
USER, PASSWORD_FILE = "{{ user }}", "{{ password_file }}"
AUTHORITY = "{{ authority }}"  # whom it must be certified by
NAME = "{{ name }}"  # the name that it must be certified for; "": that by which it is asked
SECONDS = 2.5


class Proved(http.client.HTTPSConnection):
    """To who is certified for the name, at whatever address."""

    def connect(self):
        http.client.HTTPConnection.connect(self)
        self.sock = self._context.wrap_socket(self.sock, server_hostname=NAME or self.host)


class Proofs(urllib.request.HTTPSHandler):
    def https_open(self, request):
        return self.do_open(Proved, request, context=self._context)


def ask(path, method="GET", seconds=SECONDS, body=None):
    """The answer's text. Raises OSError with what the server said when it refused."""
    with open(PASSWORD_FILE) as file:
        login = f"{USER}:{file.read().strip()}"
    host = f"[{HOST}]" if ":" in HOST else HOST
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"https://{host}:{PORT}{path}", data, method=method)
    request.add_header("Content-Type", "application/json")
    request.add_header("Authorization", "Basic " + base64.b64encode(login.encode()).decode())
    trust = Proofs(context=ssl.create_default_context(cafile=AUTHORITY))
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), trust)
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
