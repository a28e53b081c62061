"""The live view as a pure function: what is known makes what is shown."""

import io
import re

import msgspec
import pytest
from rich.console import Console

from backstride.cli.dashboard import render
from backstride.cli.sight import TRAIL, Message, Screen, absorb
from backstride.domain.notices import CueKind
from backstride.domain.session import Phase
from backstride.domain.workout import Effort, Facing, Level
from backstride.mqtt.remote import News
from backstride.mqtt.schema import (
    AlarmState,
    Connection,
    CueNote,
    NextState,
    ProgramInfo,
    Programs,
    ScriptState,
    SpeedState,
    State,
    StepState,
    encode,
)

BOOT, TIME = "boot", "2026-11-20T07:35:00Z"


def news(topic: str, payload, at: int = 0, treadmill: str = "home") -> News:
    data = payload if isinstance(payload, bytes) else encode(payload)
    return News(treadmill=treadmill, topic=topic, payload=data, retained=False, at=at)


def state(phase: Phase = Phase.RUNNING, **more) -> State:
    known = {
        "sentence": "walking",
        "program_name": "Demo",
        "speed": SpeedState(measured=1.2, target=1.2, setpoint=1.5, cap=2.0),
        "age": 0.2,
        "script": ScriptState(elapsed=60, remaining=200),
        "step": StepState(
            index=3, count=9, name="work", effort=Effort.WORK, facing=Facing.BACKWARD, remaining=20
        ),
        "next": NextState(in_s=20, speed=1.0, facing=Facing.BACKWARD, cue="stay tall"),
        "link": True,
        "machine": "Ideal Treadmill",
    }
    return State(boot=BOOT, seq=1, time=TIME, phase=phase, **{**known, **more})


def look(*messages: News, now: int = 0, **more) -> Screen:
    screen = Screen(now=now, **more)
    for message in messages:
        screen = absorb(screen, message)
    return msgspec.structs.replace(screen, now=now)


def show(screen: Screen, *, width: int = 100, height: int = 30, colour: bool = False) -> str:
    console = Console(
        file=io.StringIO(), width=width, color_system="truecolor" if colour else None, force_terminal=colour,
        no_color=not colour,
    )  # fmt: skip
    console.print(render(screen, height))
    return console.file.getvalue()


def test_a_walk_is_shown_with_everything_that_matters():
    text = show(look(news("availability", b"online"), news("state", state())))
    for part in (
        "RUNNING", "Demo", "step 3 of 9: work", "▼ facing backward", "setpoint 1.5 km/h", "cap      2.0 km/h",
        "next in 0:20  1.0 km/h  stay tall", "1:00 ━", "3:20 left", "s/Esc STOP", "belt seen 0.2 s ago",
    ):  # fmt: skip
        assert part in text, part


@pytest.mark.parametrize("phase", list(Phase))
@pytest.mark.parametrize("size", [(80, 24), (100, 30), (160, 60)])
def test_every_phase_fits_the_screen_and_offers_stop(phase, size):
    width, height = size
    alarm = AlarmState(cause="frozen", sentence="the speed does not change", latched=True)
    lines = show(
        look(news("state", state(phase, alarm=alarm)), now=500), width=width, height=height
    ).splitlines()
    assert (len(lines), {len(line) for line in lines}) == (height, {width})
    assert "s/Esc STOP" in lines[-1]
    assert phase.value.replace("_", " ").upper() in "".join(lines)
    assert "the speed does not change; press k" in "".join(lines)


def test_the_countdown_to_the_next_step_runs_between_messages():
    assert "next in 0:18" in show(look(news("state", state()), now=1_500))


def test_the_countdown_rests_while_the_program_does():
    assert "next in 0:20" in show(look(news("state", state(Phase.HOLDING)), now=2_500))


def test_a_turn_is_announced():
    ahead = NextState(in_s=9, speed=1.0, facing=Facing.FORWARD)
    assert "↻ turn to forward, then 1.0 km/h" in show(look(news("state", state(next=ahead))))


@pytest.mark.parametrize(
    ("phase", "age", "expected"),
    [
        (Phase.RUNNING, 2_900, False),
        (Phase.RUNNING, 3_100, True),
        (Phase.IDLE, 44_000, False),
        (Phase.IDLE, 46_000, True),
    ],
)
def test_old_news_is_called_old(phase, age, expected):
    screen = look(news("state", state(phase)), now=age)
    assert (screen.sight.is_stale(age), "no news for" in show(screen)) == (expected, expected)


def test_what_may_no_longer_be_true_is_grey():
    colours = re.findall(
        r"\x1b\[[0-9;]*m", show(look(news("state", state()), now=60_000), colour=True)
    )
    green = "\x1b[1;7;32m"
    assert (green in colours, green in show(look(news("state", state())), colour=True)) == (
        False,
        True,
    )


def test_an_unknown_speed_is_a_dash_and_never_a_zero():
    text = show(look(news("state", state(speed=SpeedState()))))
    assert ("setpoint —" in text, "┏━┓" in text) == (True, False)


def test_a_daemon_that_is_gone_is_told():
    screen = look(news("state", state()), news("availability", b"offline"))
    assert "the daemon is offline" in show(screen)


def test_a_link_that_is_down_is_told_with_its_reason():
    down = Connection(boot=BOOT, time=TIME, up=False, reason="no treadmill named 'FS' in range")
    assert "✗ no treadmill named 'FS' in range" in show(
        look(news("state", state(Phase.OFFLINE)), news("connection", down))
    )


def test_at_rest_the_programs_are_offered_with_the_selected_one_marked():
    offers = tuple(
        ProgramInfo(
            id=name, name=name.title(), goal="walk", level=Level.BEGINNER, duration=90, refusal=why
        )
        for name, why in (("demo", None), ("hill", "this machine cannot set an incline"))
    )
    text = show(
        look(
            news("state", state(Phase.IDLE, script=None, step=None, next=None)),
            news("programs", Programs(programs=offers, selected="demo")),
        )
    )
    assert ("▶ Demo" in text, "  Hill" in text, "cannot set an incline" in text) == (True,) * 3


def test_a_cue_and_an_answer_are_shown():
    cue = CueNote(number=1, time=TIME, kind=CueKind.FASTER, text="faster, in ten")
    screen = look(
        news("state", state()), news("cue", cue), message=Message(0, "pause: done", good=True)
    )
    assert ("♪ faster, in ten" in show(screen), "✓ pause: done" in show(screen)) == (True, True)


def test_of_several_treadmills_one_is_selected():
    screen = look(
        news("state", state(), treadmill="b"),
        news("state", state(Phase.IDLE), treadmill="a"),
        selected="b",
    )
    text = show(screen)
    assert (screen.sight.id, "a  [b]" in text, "tab treadmill" in text) == ("b", True, True)


def test_messages_that_cannot_be_read_change_nothing():
    screen = look(news("state", state()))
    for topic in ("state", "info", "cue", "programs", "connection", "session", "nonsense"):
        assert absorb(screen, news(topic, b"\xff{")).sights == screen.sights


def test_the_trail_is_bounded():
    messages = [news("state", state(), at=at) for at in range(0, 3 * TRAIL, 1_000)]
    assert len(look(*messages).sight.trail) == TRAIL // 1_000 + 1


def test_nothing_known_says_what_to_do():
    assert "backstride run" in show(Screen(now=0))
    assert "no connection" in show(Screen(now=0, trouble="no connection to the broker"))


def test_the_view_can_be_kept_as_an_svg():
    console = Console(file=io.StringIO(), record=True, width=100)
    console.print(render(look(news("state", state())), 30))
    assert "</svg>" in console.export_svg(title="Backstride")
