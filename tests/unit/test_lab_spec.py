"""What a lab's wish turns into: hosts, names, addresses."""

from ipaddress import IPv4Address, IPv4Network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opsctl.errors import Exit, SpecError
from opsctl.lab.spec import MAX_HOSTS, LabSpec, Subnet, candidates, nodes


@given(index=st.integers(0, 254), hosts=st.integers(1, MAX_HOSTS))
def test_every_interface_name_fits_the_kernel_and_every_address_the_subnet(
    index: int, hosts: int
) -> None:
    subnet = Subnet(index, "01234567")
    members = nodes(LabSpec(hosts=hosts))
    addresses = {subnet.address(node) for node in members}
    assert len(addresses) == hosts
    assert all(IPv4Address(a) in IPv4Network(subnet.cidr) for a in addresses)
    assert subnet.gateway not in addresses
    assert all(len(subnet.port(node.name)) <= 15 for node in members)
    assert len(subnet.bridge) <= 15


def test_the_first_lab_gets_the_first_subnet_and_its_hosts_start_at_eleven() -> None:
    assert candidates("lab")[0] == 0
    assert Subnet(0, "01234567").address(nodes(LabSpec())[0]) == "10.77.0.11"


@given(st.text(min_size=1))
def test_every_other_name_tries_each_subnet_once_but_leaves_the_first_alone(name: str) -> None:
    if name != "lab":
        assert sorted(candidates(name)) == list(range(1, 255))


def test_a_mixed_lab_alternates_the_systems_and_racks_go_round() -> None:
    members = nodes(LabSpec(hosts=4, system="mixed"))
    assert [node.system for node in members] == ["debian-13", "debian-12"] * 2
    assert [node.rack for node in members] == ["r1", "r2", "r3", "r1"]


@pytest.mark.parametrize(
    ("spec", "code"),
    [
        (LabSpec(name="Not a name"), "lab/name"),
        (LabSpec(name="../escape"), "lab/name"),
        (LabSpec(name="-n"), "lab/name"),
        (LabSpec(system="debian-11"), "lab/system"),
        (LabSpec(hosts=0), "lab/size"),
        (LabSpec(hosts=MAX_HOSTS + 1), "lab/size"),
        (LabSpec(disk_mib=1), "lab/size"),
        (LabSpec(data_mib=1), "lab/size"),
    ],
)
def test_a_wish_that_cannot_be_met_is_refused_as_wrong_input(spec: LabSpec, code: str) -> None:
    with pytest.raises(SpecError) as error:
        spec.check()
    assert error.value.code == code
    assert error.value.exit == Exit.INPUT


def test_the_default_wish_is_fine() -> None:
    LabSpec().check()
