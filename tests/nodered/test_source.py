"""The flow as a file: current, set up in one place, and with Stop out of everybody's reach."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest

from backstride.domain.events import Ask
from backstride.domain.phases import Phase

ROOT = Path(__file__).parents[2]
HOME = ROOT / "integrations" / "node-red"


@pytest.fixture(scope="module")
def nodes():
    return json.loads((HOME / "backstride.json").read_text(encoding="utf-8"))


def test_the_flow_is_the_one_of_its_sources():
    spec = importlib.util.spec_from_file_location(
        "nodered_flow", ROOT / "tools" / "nodered_flow.py"
    )
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    shipped = (HOME / "backstride.json").read_text(encoding="utf-8")
    assert tool.flow_text() == shipped, "python tools/nodered_flow.py"


def test_every_wire_ends_at_a_node_and_no_two_nodes_share_an_id(nodes):
    ids = [node["id"] for node in nodes]
    ends = {end for node in nodes for output in node.get("wires", []) for end in output}
    homes = {node[key] for node in nodes for key in ("z", "group", "page", "ui", "broker", "theme")
             if node.get(key) and node["type"] != "mqtt-broker"}  # fmt: skip
    assert sorted(set(ids)) == sorted(ids)
    links = {link for node in nodes for link in node.get("links", [])}
    assert ends | homes | links <= set(ids)


def test_broker_and_treadmill_are_named_in_one_place(nodes):
    tab, *rest = nodes
    settings = {each["name"]: each["value"] for each in tab["env"]}
    assert {"TREADMILL", "BROKER", "PORT"} <= set(settings)
    text = json.dumps([{**node, "info": ""} for node in rest])
    assert [word for word in ("localhost", "1883", "backstride/home") if word in text] == []


def test_nothing_can_disable_stop(nodes):
    stop = next(node for node in nodes if node["id"] == "backstride-stop-page")
    wired = [n["id"] for n in nodes for output in n.get("wires", []) if stop["id"] in output]
    assert wired == []
    assert "disabled" not in stop["format"]
    assert "v-if" not in stop["format"]


def test_every_command_can_be_given(nodes):
    widgets = {node.get("topic") for node in nodes if node["type"].startswith("ui-")}
    code = "".join(node.get("func", "") for node in nodes)
    assert {ask for ask in Ask if ask not in widgets} == {"stop"}
    assert 'command: "stop"' in code


def test_every_phase_has_words(nodes):
    page = next(node for node in nodes if node["id"] == "backstride-display-page")
    assert [phase for phase in Phase if f"{phase}: [" not in page["format"]] == []


def test_a_command_is_neither_retained_nor_kept(nodes):
    out = next(node for node in nodes if node["type"] == "mqtt out")
    broker = next(node for node in nodes if node["type"] == "mqtt-broker")
    assert ("false", "1") == (out["retain"], out["qos"])
    assert (True, "5", "0") == (
        broker["cleansession"],
        broker["protocolVersion"],
        broker["sessionExpiry"],
    )
