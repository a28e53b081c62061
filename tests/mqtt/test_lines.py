"""What treadmills say as lines of history: numbers, few series, and nobody's name."""

from __future__ import annotations

import pytest

from backstride.domain.phases import Phase
from backstride.mqtt.health import Health, HostHealth, RadioHealth
from backstride.mqtt.lines import write_line, write_lines
from backstride.mqtt.remote import News
from backstride.mqtt.schema import SessionSummary, SpeedState, State, encode

BOOT, TIME = "boot-0123", "2026-11-20T07:35:00.250Z"
NOW = 1_795_160_123_456


def news(topic, payload, *, treadmill="mill-1", retained=False):
    data = payload if isinstance(payload, bytes) else encode(payload)
    return News(treadmill=treadmill, topic=topic, payload=data, retained=retained, at=0)


def state(phase=Phase.RUNNING, **more):
    speed = SpeedState(measured=1.17, target=1.2)
    return State(boot=BOOT, seq=1, time=TIME, phase=phase, speed=speed, link=True, **more)


def test_a_state_is_one_line_with_the_time_at_which_it_came():
    line = "backstride_state,treadmill=mill-1 speed=1.17,target=1.2,active=1,alarm=0,link=1"
    assert write_lines(news("state", state()), NOW) == (f"{line} 1795160123456000000",)


def test_at_a_hub_the_site_is_a_tag_of_its_own():
    [line] = write_lines(news("state", state(), treadmill="oslo/mill-1"), NOW)
    assert line.startswith("backstride_state,site=oslo,treadmill=mill-1 ")


def test_what_is_not_known_is_left_out_and_never_zero():
    [line] = write_lines(news("state", state()), NOW)
    assert "heart_rate" not in line
    assert "incline" not in line


@pytest.mark.parametrize(
    ("phase", "active"),
    [(Phase.IDLE, 0), (Phase.COUNTDOWN, 0), (Phase.RUNNING, 1), (Phase.STOPPING, 1)],
)
def test_a_belt_that_may_move_is_active(phase, active):
    assert f"active={active}," in write_lines(news("state", state(phase)), NOW)[0]


def test_a_session_has_the_time_of_its_end_so_that_the_same_one_twice_is_one():
    over = SessionSummary(
        boot=BOOT, program="first-steps", program_name="First steps", started=TIME, ended=TIME,
        walked=880.0, backward=700.0, distance=300, top_speed=1.5,
    )  # fmt: skip
    line = (
        "backstride_session,treadmill=mill-1,program=first-steps"
        " walked=880.0,backward=700.0,distance=300,top_speed=1.5 1795160100250000000"
    )
    assert write_lines(news("session", over), NOW) == (line,)
    assert write_lines(news("session", over, retained=True), NOW + 99) == (line,)


def test_health_names_host_and_version_and_counts_faults():
    told = Health(
        boot=BOOT, time=TIME, uptime=60.0, versions={"backstride": "0.5.0"}, faults={"disk": "full"},
        host=HostHealth(name="pi 3", uptime=99.0, clock_synchronised=True, throttled=False),
        radio=RadioHealth(up=True, connections=2, rssi=-70),
    )  # fmt: skip
    [line] = write_lines(news("health", told), NOW)
    assert line.startswith(
        "backstride_health,treadmill=mill-1,host=pi\\ 3,version=0.5.0 uptime=60.0"
    )
    assert "throttled=0,clock_synchronised=1,connections=2,rssi=-70,faults=1" in line


@pytest.mark.parametrize(
    "message",
    [
        news("state", state(), retained=True),
        news("availability", b"online", retained=True),
        news("info", b"{}"),
        news("cue", b"{}"),
        news("state", b"\xff"),
        news("state", b'{"v":1}'),
        news("session", b'{"v":1,"boot":"boot-0123"}'),
    ],
    ids=lambda message: f"{message.topic}-{message.payload[:8]!r}-{message.retained}",
)
def test_what_is_no_history_or_cannot_be_read_makes_no_line(message):
    assert write_lines(message, NOW) == ()


def test_no_text_that_a_person_could_write_becomes_a_series():
    odd = state(sentence="Anna, walk!", program="anna", program_name="Anna's own")
    assert "nna" not in write_lines(news("state", odd), NOW)[0]


def test_what_separates_is_escaped():
    line = write_line("m", {"a": "x y,z=1\n", "b": None}, {"f": 1, "t": True, "s": "no"}, 2)
    assert line == r"m,a=x\ y\,z\=1\  f=1,t=1 2000000"
