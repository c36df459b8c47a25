"""opsctl.lock: written only when something changed, read with care."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from opsctl.clients import lock_text
from opsctl.clients.lockfile import NAME, LockFile
from opsctl.errors import Exit, OpsError

LOCK = LockFile(
    "0.1.0",
    packages={"dc": {"redis-server": "5:8.0.2-3+deb13u1", "haproxy": "3.0"}, "a": {}},
    images={"prod": {"docker.io/redis:7": "docker.io/redis@sha256:00"}},
    generations={"sessions/admin": 2, "on": 3},
)
TEXT = """\
# Written by opsctl; keep it in version control.
schema: 1
opsctl: "0.1.0"
packages:
  a: {}
  dc:
    haproxy: "3.0"
    redis-server: "5:8.0.2-3+deb13u1"
images:
  prod:
    "docker.io/redis:7": "docker.io/redis@sha256:00"
generations:
  "on": 3
  sessions/admin: 2
"""


def test_it_reads_as_a_person_would_write_it() -> None:
    assert LOCK.text() == TEXT


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    assert LOCK.save(tmp_path / NAME)
    assert LockFile.load(tmp_path / NAME) == LOCK
    assert (tmp_path / NAME).stat().st_mode & 0o777 == 0o644


def test_a_lock_that_says_the_same_is_not_written(tmp_path: Path) -> None:
    path = tmp_path / NAME
    LOCK.save(path)
    before = path.stat()
    assert not LOCK.save(path)
    assert path.stat().st_ino == before.st_ino
    assert LockFile("0.2.0").save(path)
    assert [entry.name for entry in tmp_path.iterdir()] == [NAME]


def test_a_missing_or_empty_file_is_an_empty_lock(tmp_path: Path) -> None:
    assert LockFile.load(tmp_path / NAME) == LockFile()
    (tmp_path / NAME).write_text("# nothing\n")
    assert LockFile.load(tmp_path / NAME) == LockFile()


def test_environments_that_share_a_folder_share_no_lock_file(tmp_path: Path) -> None:
    path, lock = LockFile.of("shop", tmp_path)
    assert path.name == NAME
    lock.merged("0.1.0", generations={"sessions/admin": 2}).save(path)
    path, lock = LockFile.of("shop-staging", tmp_path)
    assert (path.name, lock.packages) == ("opsctl.shop-staging.lock", {})
    assert lock.generations == {"sessions/admin": 2}  # they may have shared it: none may fall
    lock.merged("0.1.0", packages={"dc/debian-13": {"redis": "9"}}).save(path)
    assert LockFile.of("shop-staging", tmp_path)[1].packages == {"dc/debian-13": {"redis": "9"}}
    path, lock = LockFile.of("shop", tmp_path)
    assert (path.name, lock.packages) == (NAME, {})
    lock.merged("0.1.0", generations={"sessions/admin": 3}).save(path)
    assert LockFile.of("shop-staging", tmp_path)[1].generations == {"sessions/admin": 2}


def test_a_lock_file_of_before_is_whose_it_is_used_for_first(tmp_path: Path) -> None:
    LOCK.save(tmp_path / NAME)
    path, lock = LockFile.of("shop", tmp_path)
    assert lock.merged("0.2.0", packages=LOCK.packages).opsctl == LOCK.opsctl  # nothing raised
    lock.save(path)
    assert LockFile.of("shop", tmp_path)[1].generations == LOCK.generations
    assert LockFile.of("other", tmp_path)[1].packages == {}


TEXTS = st.text(st.characters(blacklist_categories=["Cs"]), max_size=8)
RESOLVED = st.dictionaries(TEXTS, st.dictionaries(TEXTS, TEXTS, max_size=3), max_size=3)


@given(TEXTS, RESOLVED, RESOLVED, st.dictionaries(TEXTS, st.integers(1, 9), max_size=3))
def test_any_lock_is_read_as_it_was_written(
    version: str,
    packages: dict[str, dict[str, str]],
    images: dict[str, dict[str, str]],
    generations: dict[str, int],
) -> None:
    lock = LockFile(version, packages, images, generations)
    assert LockFile(*lock_text.read(lock.text().encode(), Path(NAME))) == lock
    assert yaml.safe_load(lock.text())["generations"] == generations  # YAML 1.1 reads the same


def test_merging_lays_over_and_keeps_the_rest() -> None:
    after = LOCK.merged(
        "0.2.0",
        packages={"dc": {"haproxy": "3.1"}, "old": {"redis": "7"}},
        generations={"sessions/admin": 3},
    )
    assert after.opsctl == "0.2.0"
    assert after.packages["dc"] == {"redis-server": "5:8.0.2-3+deb13u1", "haproxy": "3.1"}
    assert after.packages["old"] == {"redis": "7"}
    assert after.images == LOCK.images
    assert after.generations == {"sessions/admin": 3, "on": 3}


def test_a_newer_opsctl_that_resolves_the_same_changes_nothing() -> None:
    assert LOCK.merged("9.9.9", packages=LOCK.packages, generations={"new": 1}) is LOCK


def test_a_generation_never_falls() -> None:
    assert LOCK.merged("0.2.0", generations={"sessions/admin": 1}) is LOCK


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("schema: 1\npackages: [", "lockfile/syntax"),
        ("- a", "lockfile/syntax"),
        ("schema: 1\n<<<<<<< HEAD\nopsctl: '1'\n=======\n", "lockfile/syntax"),
        ("schema: 1\nopsctl: '1'\nopsctl: '2'\n", "lockfile/syntax"),
        ("schema: 1\nopsctl: \ufffe", "lockfile/syntax"),
        ("schema: 2\nnew: {}", "lockfile/newer-schema"),
        ("schema: one", "lockfile/bad-value"),
        ("opsctl: '1'", "lockfile/bad-value"),
        ("schema: 1\nopsctl: 1.0", "lockfile/bad-value"),
        ("schema: 1\nextra: 1", "lockfile/bad-value"),
        ("schema: 1\npackages: {dc: {redis: 8.0}}", "lockfile/bad-value"),
        ("schema: 1\npackages: {dc: redis}", "lockfile/bad-value"),
        ("schema: 1\nimages: {1: {}}", "lockfile/bad-value"),
        ("schema: 1\ngenerations: {a: 0}", "lockfile/bad-value"),
        ("schema: 1\ngenerations: {a: true}", "lockfile/bad-value"),
        ("schema: 1\n#" + "x" * (1 << 20), "lockfile/syntax"),
    ],
)
def test_what_is_no_lock_is_refused(tmp_path: Path, text: str, code: str) -> None:
    (tmp_path / NAME).write_text(text)
    with pytest.raises(OpsError) as caught:
        LockFile.load(tmp_path / NAME)
    assert (caught.value.code, caught.value.exit) == (code, Exit.INPUT)
    assert caught.value.hint
    assert caught.value.where == str(tmp_path / NAME)


def test_files_that_can_not_be_used_are_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(OpsError, match="lockfile/unreadable"):
        LockFile.load(tmp_path)
    with pytest.raises(OpsError, match="lockfile/unwritable"):
        LOCK.save(tmp_path / "none" / NAME)
