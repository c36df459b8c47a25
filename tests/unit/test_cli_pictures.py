"""Pictures of a topology: pure functions from values to text."""

from __future__ import annotations

from xml.etree import ElementTree

from cli_world import WatchedTarget
from planning_world import member
from running_world import workload

from opsctl.cli.pictures import mermaid, svg, tree
from opsctl.cli.topology import Box, Place, Topology, Way, topology
from opsctl.workload import Standing

PRIMARY = Box("s-0", "s", "demo", "primary")
REPLICA = Box("s-1", "s", "demo", "replica", following="s-0")
LOST = Box("s-2", "s", "demo", "no answer", ready=False)
DRAWN = Topology(
    "shop <1>",
    (
        Place("dc/n1", "a", (PRIMARY, Box("t-0", "t", "demo", "replica"))),
        Place("dc/n2", "b", (REPLICA,)),
        Place("dc/n3", "b", (LOST,)),
    ),
)


def test_the_tree_shows_zones_hosts_members_and_whom_they_follow() -> None:
    assert (
        tree(DRAWN)
        == """\
shop <1>
├─ zone a
│  └─ dc/n1
│     ├─ s-0  (demo, primary)
│     └─ t-0  (demo, replica)
└─ zone b
   ├─ dc/n2
   │  └─ s-1  (demo, replica) → s-0
   └─ dc/n3
      └─ s-2  (demo, no answer, not ready)"""
    )


def test_mermaid_has_a_box_for_every_host_and_an_arrow_for_every_replica() -> None:
    text = mermaid(DRAWN)
    assert text.startswith("flowchart TB\n")
    assert text.count("subgraph") == 5
    assert text.count("end\n") == 5
    assert "  m_s_1 --> m_s_0" in text
    assert "class m_s_2 trouble" in text


def test_svg_is_well_formed_and_names_every_member() -> None:
    root = ElementTree.fromstring(svg(DRAWN))
    texts = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert {"s-0", "s-1", "s-2", "t-0", "dc/n1", "zone b"} <= set(texts)
    arrows = [e for e in root.iter("{http://www.w3.org/2000/svg}path") if e.get("marker-end")]
    assert len(arrows) == 1


def test_routes_lead_from_clients_through_balancers_to_members() -> None:
    ways = (Way("in", ("10.0.0.9:1",), ("t-0",), ("s-0",)), Way("out", ("10.0.0.9:2",), (), ()))
    drawn = Topology("shop", DRAWN.places, ways)
    assert tree(drawn).splitlines()[-3:] == [
        "└─ routes",
        "   ├─ in  10.0.0.9:1 → t-0 → s-0",
        "   └─ out  10.0.0.9:2 → nobody → nobody",
    ]
    text = mermaid(drawn)
    assert '  clients == "in 10.0.0.9:1" ==> m_t_0' in text
    assert "  m_t_0 ==> m_s_0" in text
    root = ElementTree.fromstring(svg(drawn))
    texts = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert {"clients", "in", "10.0.0.9:2"} <= set(texts)
    arrows = [e for e in root.iter("{http://www.w3.org/2000/svg}path") if e.get("marker-end")]
    assert len(arrows) == 3


def test_an_empty_environment_can_be_drawn() -> None:
    empty = Topology("shop", ())
    assert tree(empty) == "shop"
    ElementTree.fromstring(svg(empty))
    assert mermaid(empty).startswith("flowchart")


def test_an_address_that_a_server_gives_is_told_as_the_member_that_has_it() -> None:
    standings = {
        (member(0), "server"): Standing("primary", ready=True),
        (member(1), "server"): Standing("replica", ready=True, following="n0:7000"),
        (member(2), "server"): Standing("replica", ready=True, following="elsewhere:1"),
    }
    targets = {"dc": WatchedTarget()}
    drawn = topology("shop", {"demo": ("dc", workload())}, standings, targets)
    assert drawn.arrows == ((member(1), member(0)),)


def test_without_asking_anybody_there_are_places_but_no_roles() -> None:
    drawn = topology("shop", {"demo": ("dc", workload())}, {}, {"dc": WatchedTarget()})
    assert [box.role for place in drawn.places for box in place.boxes] == ["", "", ""]
    assert drawn.arrows == ()
