"""The texts a lab writes: boot script, seed, record."""

import io
import subprocess
import tarfile
from pathlib import Path

import pytest

from opsctl.errors import OpsError
from opsctl.lab import lab
from opsctl.lab.boot import Boot, boot_script
from opsctl.lab.folder import Folder, Record, cache_root, state_root
from opsctl.lab.images import image_key
from opsctl.lab.lab import _prepare, started_words
from opsctl.lab.packages import ARCHIVES, keep, snapshot, store
from opsctl.lab.seed import Identity, SeedFile, seed_files, seed_tar, with_password
from opsctl.lab.spec import LabSpec, Subnet, nodes

IDENTITY = Identity(
    "ab" * 16, "PRIVATE", "PUBLIC", "KEY", "root:*:1::::::\n", "nameserver ::1", 1400
)


def boot(data: bool = False, share: Path | None = None) -> Boot:
    return Boot(
        folder=Path("/state/hosts/n1"),
        image=Path("/cache/image"),
        debs=Path("/state/debs"),
        cgroups=[Path("/cg/one"), Path("/cg/two")],
        machine="ol0-n1",
        bridge="ol0-01234567",
        data=data,
        share=share,
    )


@pytest.mark.parametrize("share", [None, Path("/state/share")])
@pytest.mark.parametrize("data", [False, True])
def test_the_boot_script_is_valid_shell(data: bool, share: Path | None) -> None:
    subprocess.run(["sh", "-n"], input=boot_script(boot(data, share)), text=True, check=True)


def test_only_a_host_for_containers_gets_rights_over_the_machine() -> None:
    assert "--capability" not in boot_script(boot())
    assert "--capability=all" in boot_script(boot(share=Path("/state/share")))


def test_the_host_is_in_its_own_cgroups_before_anything_is_mounted() -> None:
    lines = boot_script(boot()).splitlines()
    joins = [lines.index(f"echo $$ > {group}/cgroup.procs") for group in boot().cgroups]
    assert max(joins) < min(n for n, line in enumerate(lines) if line.startswith("mount "))


def test_only_a_host_with_a_data_disk_mounts_one() -> None:
    assert "data.img" not in boot_script(boot())
    assert "data.img root/data" in boot_script(boot(data=True))


def seeded() -> dict[str, SeedFile]:
    members = nodes(LabSpec(hosts=3))
    files = seed_files(members[1], members, Subnet(7, "01234567"), IDENTITY)
    return {file.path: file for file in files}


def test_a_seed_gives_the_host_its_name_address_and_peers() -> None:
    files = seeded()
    assert files["etc/hostname"].text == "n2\n"
    assert "Address=10.77.7.12/24" in files["etc/systemd/network/10-lab.network"].text
    assert "10.77.7.13 n3" in files["etc/hosts"].text


def test_secrets_in_a_seed_are_readable_by_their_owner_only() -> None:
    files = seeded()
    assert files["etc/ssh/ssh_host_ed25519_key"].mode == 0o600
    assert files["etc/shadow"].mode == 0o640
    assert files["home/ops/.ssh"].mode == 0o700
    assert files["home/ops/.ssh/authorized_keys"].uid == 1000


def test_the_seed_archive_keeps_owners_modes_and_contents() -> None:
    wanted = [SeedFile("a", "", 0o700, 5, 6, directory=True), SeedFile("a/b", "text", 0o640, 7, 8)]
    with tarfile.open(fileobj=io.BytesIO(seed_tar(wanted))) as tar:
        folder, file = tar.getmembers()
        content = tar.extractfile(file)
        assert content is not None
        assert content.read() == b"text"
    assert (folder.isdir(), folder.mode, folder.uid, folder.gid) == (True, 0o700, 5, 6)
    assert (file.isreg(), file.mode, file.uid, file.gid) == (True, 0o640, 7, 8)


def test_setting_a_password_changes_that_users_hash_only() -> None:
    shadow = "root:*:1:0:99999:7:::\nops:!:1:0:99999:7:::\n"
    assert with_password(shadow, "ops", "$6$x") == shadow.replace("ops:!", "ops:$6$x")


def test_a_record_is_read_as_it_was_written(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "lab")
    record = Record("lab", 3, nodes(LabSpec(hosts=2)), ("redis",), 512, 0, folder.tag)
    folder.save(record)
    assert folder.load() == record


@pytest.mark.parametrize("text", ["", "{", "[]", '{"name": "lab"}'])
def test_a_broken_record_is_an_error_that_names_the_way_out(tmp_path: Path, text: str) -> None:
    (tmp_path / "lab.json").write_text(text)
    with pytest.raises(OpsError) as error:
        Folder(tmp_path).load()
    assert error.value.code == "lab/record"
    assert "down" in error.value.hint


def test_a_lab_that_was_never_recorded_has_no_record(tmp_path: Path) -> None:
    assert Folder(tmp_path).load() is None


@pytest.mark.parametrize("path", ["/a:b", "/a,b", "/a b"])
def test_paths_that_overlay_options_cannot_hold_are_refused(path: str) -> None:
    with pytest.raises(OpsError) as error:
        Folder(Path(path)).check()
    assert error.value.code == "lab/folder"


def test_the_environment_moves_state_and_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPSCTL_LAB_STATE", "/elsewhere/state")
    monkeypatch.setenv("OPSCTL_CACHE", "/elsewhere/cache")
    assert state_root() == Path("/elsewhere/state")
    assert state_root(Path("/given")) == Path("/given")
    assert cache_root() == Path("/elsewhere/cache")


def test_an_image_is_the_same_whatever_the_order_of_packages_and_another_for_others() -> None:
    one = image_key("debian-13", ["b", "a"], "recipe")
    assert one == image_key("debian-13", ["a", "b", "a"], "recipe")
    others = [("debian-12", ["a", "b"], "recipe"), ("debian-13", ["a"], "recipe")]
    assert one not in [image_key(*other) for other in others]
    assert one != image_key("debian-13", ["a", "b"], "other recipe")


def test_packages_that_one_lab_downloaded_are_in_the_next_ones_layer(tmp_path: Path) -> None:
    archives, cache = tmp_path / "archives", tmp_path / "cache"
    (archives / "partial").mkdir(parents=True)
    (archives / "a_1.deb").write_text("package")
    (archives / "link.deb").symlink_to("/etc/shadow")
    assert keep(cache, "debian-13", archives) == 1
    assert keep(cache, "debian-13", archives) == 0
    assert [deb.name for deb in store(cache, "debian-13").iterdir()] == ["a_1.deb"]
    snapshot(cache, "debian-13", tmp_path / "layer")
    assert (tmp_path / "layer" / ARCHIVES / "a_1.deb").read_text() == "package"


def test_a_labs_layer_does_not_change_after_it_was_made(tmp_path: Path) -> None:
    snapshot(tmp_path, "debian-13", tmp_path / "layer")
    store(tmp_path, "debian-13").mkdir(parents=True)
    (store(tmp_path, "debian-13") / "late_1.deb").touch()
    snapshot(tmp_path, "debian-13", tmp_path / "layer")
    assert list((tmp_path / "layer" / ARCHIVES).iterdir()) == []


@pytest.mark.parametrize(
    ("started", "hosts", "words"),
    [
        (3, 3, "3 hosts started"),
        (1, 1, "1 host started"),
        (1, 3, "1 host started, 2 ran already"),
        (0, 3, "all hosts run already"),
        (0, 1, "the host runs already"),
    ],
)
def test_what_ran_already_was_not_started(started: int, hosts: int, words: str) -> None:
    assert started_words(started, hosts) == words


def test_a_key_pair_of_which_a_killed_up_wrote_half_is_made_anew(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = Folder(tmp_path / "shop")
    folder.path.mkdir()
    folder.key.write_text("half")

    def keygen(argv: list[str], **_: object) -> None:
        assert not folder.key.exists(), "ssh-keygen would ask whether to overwrite it"
        folder.key.with_suffix(".pub").write_text("whole")

    monkeypatch.setattr(lab, "run", keygen)
    _prepare(folder, Record("shop", 1, (), (), 64, 0, folder.tag), {})
    assert folder.key.with_suffix(".pub").read_text() == "whole"
