"""The flow in a real Node-RED, with a real broker, the daemon and the virtual treadmill, used by a person."""

from __future__ import annotations

import json
import re

import pytest
from playwright.async_api import expect

from backstride.virtual.log import STOP

TREADMILL = "home"
WAIT_MS = 20_000

pytestmark = pytest.mark.timeout(240)


async def begin(gym, visitor):
    """Choose, arm and confirm the demo; until it walks."""
    await visitor.phase("idle")
    await visitor.choose("Demo,")
    await visitor.press("Arm: nothing moves yet")
    await visitor.phase("armed")
    assert gym.machine(TREADMILL).log.starts == []
    await visitor.press("Confirm: I stand on the rails")
    await visitor.phase("running")


async def walks(visitor):
    """Until the page shows a speed above the machine's lowest."""
    moving = re.compile(r"^(0\.9|1\.\d)$")
    await expect(visitor.find("speed")).to_have_text(moving, timeout=WAIT_MS)


async def test_a_session_is_started_followed_and_stopped(gym, visitor, commands):
    machine = gym.machine(TREADMILL)
    await visitor.phase("idle")
    await visitor.stale(is_so=False)
    await expect(visitor.button("Confirm:")).to_be_disabled()
    await begin(gym, visitor)
    assert len(machine.log.starts) == 1
    await visitor.reads("step", "Step 1 of 9: warmup 2.0 km/h, forward")
    await visitor.reads("next", "then 1.0 km/h, turn backward: toes first, then the heel")
    await visitor.reads("cue", "km/h")
    await visitor.reads("age", "s ago")
    # What is shown is what the session has, and the belt does.
    await walks(visitor)
    async with gym.frozen():
        state = gym.state(TREADMILL)
        await visitor.reads("speed", f"{state.speed.measured:.1f}")
        await visitor.reads("setpoint", f"{state.speed.setpoint:.1f}")
        assert machine.drive.belt.value == pytest.approx(state.speed.measured * 100, abs=20)
    await visitor.press("Faster")
    await visitor.reads("answer", "the setpoint is now")
    assert gym.controller(TREADMILL).session.trim > 0
    await visitor.stop()
    await visitor.phase("finished")
    assert STOP == machine.log.writes[-1].data
    assert machine.drive.belt.value == 0
    await visitor.press("I have looked")
    await visitor.phase("idle")
    notes = [json.loads(message.payload) for message in commands]
    asked = ["select", "start", "confirm", "faster", "stop", "acknowledge"]
    assert asked == list(dict.fromkeys(note["command"] for note in notes))
    boot = gym.controller(TREADMILL).view.boot
    for message, note in zip(commands, notes, strict=True):
        assert message.retain is False
        assert {"v", "id", "command", "ts"} <= set(note)
        if note["command"] != "stop":
            assert boot == note["boot"]
            assert message.properties.MessageExpiryInterval <= 10
    # Only a Stop that is not confirmed yet comes again, with the id that it had.
    others = [note["id"] for note in notes if note["command"] != "stop"]
    assert sorted(set(others)) == sorted(others)


async def test_every_other_button_does_what_it_says(gym, visitor):
    await begin(gym, visitor)

    def session():
        return gym.controller(TREADMILL).session

    await visitor.press("Slower")
    # Its wish may lie below the machine's lowest speed: then the answer says so.
    await visitor.reads("answer", "km/h")
    await walks(visitor)
    box = await visitor.page.locator(".v-slider__container").bounding_box()
    await visitor.page.mouse.click(box["x"] + 0.4 * box["width"], box["y"] + box["height"] / 2)
    await visitor.reads("answer", "the setpoint is now 1.3 km/h")
    for words, voice in (("cues are shown", False), ("cues are said", True)):
        await visitor.page.get_by_text("Say the cues aloud").click()
        await visitor.reads("answer", words)
        assert session().voice is voice
    await visitor.press("I am well")
    await visitor.reads("answer", "good to hear")
    await visitor.press("Pause")
    await visitor.phase("holding")
    await visitor.press("Continue")
    await visitor.phase("running")
    await visitor.press("Next step")
    await visitor.phase("turning")
    await visitor.press("Confirm: I stand on the rails")
    await visitor.phase("running")
    await visitor.reads("step", "backward")
    await walks(visitor)
    await visitor.picture("node-red")
    await visitor.page.set_viewport_size({"width": 390, "height": 844})
    await visitor.picture("node-red-phone")
    await visitor.press("Cool down")
    await visitor.reads("answer", "cool-down")
    await visitor.stop()
    await visitor.phase("finished")


@pytest.mark.parametrize("stage", ["4711"], indirect=True)
async def test_a_pin_is_asked_for_where_the_site_wants_one_and_goes_with_start_alone(
    visitor, commands
):
    await visitor.phase("idle")
    await visitor.choose("Demo,")
    await visitor.press("Arm: nothing moves yet")
    await visitor.reads("answer", "this treadmill asks for a PIN")
    field = visitor.page.get_by_label("PIN, for this start")
    await field.fill("4711")
    await field.press("Enter")
    await visitor.press("Arm: nothing moves yet")
    await visitor.phase("armed")
    await expect(field).to_have_value("", timeout=WAIT_MS)
    await visitor.stop()
    await visitor.phase("finished")
    notes = [json.loads(message.payload) for message in commands]
    assert ["start"] == [note["command"] for note in notes if "pin" in note]


async def test_without_a_pin_none_is_asked_for(visitor):
    await visitor.phase("idle")
    await visitor.stale(is_so=False)
    await expect(visitor.button("Arm: nothing")).to_be_enabled(timeout=WAIT_MS)
    await expect(visitor.page.get_by_label("PIN, for this start")).to_be_hidden(timeout=WAIT_MS)


async def test_what_is_refused_is_explained(gym, visitor):
    await visitor.phase("idle")
    await visitor.choose("Demo,")
    await visitor.press("Arm: nothing moves yet")
    await visitor.phase("armed")
    gym.lose_link(TREADMILL, 5_000)
    await visitor.phase("offline")
    await visitor.stop()
    await visitor.reads(
        "answer", "no connection to the treadmill; Stop is sent as soon as it is back"
    )


async def test_without_the_broker_the_page_is_stale_and_stop_is_tried_until_it_is_confirmed(
    gym, visitor
):
    machine = gym.machine(TREADMILL)
    await begin(gym, visitor)
    # As slowly as a person walks, so that the daemon does not end the session by itself meanwhile.
    gym.pace(1)
    await gym.broker.kill()
    await visitor.stale(is_so=True)
    await visitor.reads("stale", "No connection to the broker")
    await expect(visitor.button("Faster")).to_be_disabled(timeout=WAIT_MS)
    await expect(visitor.find("stop")).to_be_enabled()
    await visitor.stop()
    await visitor.reads("answer", "pull the safety clip")
    await gym.broker.start()
    await visitor.phase("finished")
    await visitor.stale(is_so=False)
    assert STOP == machine.log.writes[-1].data
    assert machine.drive.belt.value == 0


async def test_without_node_red_the_page_says_so(nodered, visitor):
    await visitor.phase("idle")
    await visitor.stale(is_so=False)
    nodered.kill()
    await visitor.stale(is_so=True)
    await visitor.reads("stale", "No connection to Node-RED")
    await visitor.reads("stale", "Stop does not work from here")


async def test_who_walks_todays_session_and_how_the_last_one_was(gym, visitor, commands):
    await visitor.phase("idle")
    await visitor.choose("Jonas", of="Who walks")
    await visitor.choose("13 somewhat hard", of="How hard was it?")
    kept = "kept with the last session here of whoever is chosen, if it began within a day"
    await visitor.reads("answer", kept)
    await visitor.choose("Kari", of="Who walks")
    await visitor.reads("answer", "this walker's limits hold here now")
    await expect(visitor.page.get_by_text("Today: Week 3, session 1,")).to_be_visible(
        timeout=WAIT_MS
    )
    await visitor.choose("Today: week 3, session 1,")
    await visitor.press("Arm: nothing moves yet")
    await visitor.phase("armed")
    session = gym.controller(TREADMILL).session
    assert ("kari", "plan-3-1") == (session.person.id, session.program.id)
    await expect(visitor.page.get_by_text("How hard was it?").first).to_be_hidden(timeout=WAIT_MS)
    notes = [json.loads(message.payload) for message in commands]
    assert ["walker", "feedback", "walker", "select", "start"] == [
        note["command"] for note in notes
    ]
