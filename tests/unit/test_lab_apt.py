"""The machine's apt sources, as people write them, give the mirror for lab images."""

import pytest

from opsctl.errors import OpsError
from opsctl.lab.apt import Mirror, machine_options, mirror

DEB822 = """\
Types: deb
URIs: http://mirror.example/debian/
Suites: bookworm bookworm-updates
Components: main

Types: deb
URIs: http://mirror.example/debian-security
Suites: bookworm-security
Components: main
"""


def test_deb822_sources_name_main_and_security_mirror() -> None:
    assert mirror([DEB822]) == Mirror(
        "http://mirror.example/debian", "http://mirror.example/debian-security"
    )


def test_one_line_sources_do_too_options_in_brackets_included() -> None:
    text = (
        "# deb http://old.example/debian bookworm main\n"
        "deb [arch=amd64 trusted=yes] https://m.example/debian trixie main contrib\n"
        "deb https://m.example/debian-security trixie-security main\n"
        "deb https://m.example/debian trixie-backports main\n"
        "deb-src https://src.example/debian trixie main\n"
    )
    assert mirror([text]) == Mirror("https://m.example/debian", "https://m.example/debian-security")


def test_entries_that_are_off_foreign_or_absent_name_no_mirror() -> None:
    off = DEB822.replace("Types:", "Enabled: no\nTypes:")
    foreign = "deb https://packages.example/apt cloud-sdk-bookworm main\n"
    ubuntu = "deb http://archive.ubuntu.com/ubuntu noble main\n"
    with pytest.raises(OpsError, match="lab/no-mirror"):
        mirror([off, foreign, ubuntu, ""])


def test_a_mirror_without_security_updates_is_enough() -> None:
    found = mirror(["deb http://m/debian trixie main\n"])
    assert "security" not in found.sources("trixie")


def test_sources_are_written_for_the_wanted_release() -> None:
    lines = Mirror("http://m/debian", "http://m/sec").sources("trixie").splitlines()
    assert lines == [
        "deb http://m/debian trixie main",
        "deb http://m/debian trixie-updates main",
        "deb http://m/sec trixie-security main",
    ]


def test_a_proxy_of_the_environment_reaches_the_image() -> None:
    options = machine_options({"http_proxy": "http://proxy.example:3128"})
    assert 'Acquire::http::Proxy "http://proxy.example:3128";' in options
