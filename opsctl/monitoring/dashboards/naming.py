"""What dashboards are called: identities that stay the same from push to push."""

from __future__ import annotations

import hashlib

LONGEST = 40  # characters of a uid in Grafana
TAG = "opsctl"


def uid(environment_id: str, kind: str, name: str = "") -> str:
    """The uid of a dashboard, data source or folder of an environment: readable where it fits.

    The same for ever for the same names, so that links, bookmarks and alerts keep their aim.
    """
    # Names have no "_": so "a-b" with "c" is never taken for "a" with "b-c".
    words = "_".join(word for word in (TAG, environment_id, kind, name) if word)
    if len(words) <= LONGEST:
        return words
    digest = hashlib.sha256("\0".join((environment_id, kind, name)).encode()).hexdigest()[:12]
    return f"{words[: LONGEST - len(digest) - 1].rstrip('-_')}-{digest}"


def stem(environment_id: str) -> str:
    """What all uids of an environment begin with."""
    return f"{TAG}_{environment_id}"[: LONGEST - 13]


def service_uid(environment_id: str, service: str) -> str:
    """The uid of a service's dashboard: what its alerts link to."""
    return uid(environment_id, "service", service)


def environment_tag(environment_id: str) -> str:
    """Beside TAG it says whose dashboard it is: only what carries both is ever changed."""
    return f"environment:{environment_id}"
