"""Every number and every table that safety rests on, said a second time: none changes by a slip of the hand.

Whoever changes one here has read its reason, which stands beside it in the code.
"""

from __future__ import annotations

import ast
import importlib
import inspect
from pathlib import Path

import msgspec
import pytest

from backstride import domain
from backstride.domain import supervision
from backstride.domain.evidence import Evidence
from backstride.domain.failsafe import Action
from backstride.domain.limits import SiteRules
from backstride.domain.session import ACTIVE, IN_CONTROL, MOVING, TABLE
from backstride.domain.state import Options
from backstride.domain.step import _BEFORE

HOME = Path(domain.__file__).parent

NUMBERS = {
    "admission.COARSEST": 50,
    "ceiling.SHARE": 85,
    "ceiling.HOLD_AFTER": 5_000,
    "ceiling.EASE_AFTER": 20_000,
    "ceiling.END_AFTER": 300_000,
    "ceiling.RELIEF": 5,
    "ceiling.CALM_TIME": 10_000,
    "ceiling.LOST_AFTER": 20_000,
    "cues.NOTICE": 10_000,
    "cues.REACTION": 5_000,
    "cues.AGAIN": 5_000,
    "guidance.APART": 45_000,
    "guidance.BEEPS": 3_000,
    "guidance.ARRIVED": 5,
    "guidance.PACE": 70,
    "guidance.BREATH": 500,
    "envelope.RISE": 10,
    "envelope.FALL": 30,
    "envelope.STEP_UP": 30,
    "envelope.FOLLOWING": 30,
    "envelope.REACH": 10,
    "envelope.INCLINE_STEP": 10,
    "envelope.INCLINE_PAUSE": 5_000,
    "envelope.FRESH": 1_500,
    "envelope.DEADLINE": 1_000,
    "evidence.NEVER": 1 << 62,
    "evidence.STILL_FRAMES": 2,
    "evidence.TREMBLE": 5,
    "evidence.STEADY_TIME": 900,
    "evidence.NO_FALL": 900,
    "following.PACE": 2_000,
    "following.CLIMB": 10,
    "following.DESCENT": 10,
    "following.EASE": 4,
    "following.EASE_PACE": 5_000,
    "following.QUICK": 30,
    "following.NUDGE": 5,
    "heart.SLOWEST_PULSE": 30,
    "heart.FASTEST_PULSE": 230,
    "heart.PULSE_AGE": 5_000,
    "intake.OUTAGE_MEMORY": 60_000,
    "limits.WALK_SPEED": 550,
    "limits.JOG_SPEED": 800,
    "limits.INCLINE": 100,
    "limits.BACKWARD_TIME": 1_800_000,
    "limits.JUMP": 100,
    "limits.SITE_SPEED": 400,
    "limits.SITE_INCLINE": 50,
    "operator.STOP_EFFECT": 2_000,
    "outcomes.ANSWER_TIME": 5_000,
    "outcomes.RETRY": 5_000,
    "plausibility.HOLD_AGE": 3_000,
    "plausibility.BLIND_AGE": 5_000,
    "plausibility.FROZEN_HOLD": 5_000,
    "plausibility.FROZEN_SLOW": 10_000,
    "plausibility.METRE": 360_000,
    "plausibility.OVER": 30,
    "plausibility.OVER_TIME": 3_000,
    "plausibility.GRACE": 5_000,
    "plausibility.SPIN_UP": 10_000,
    "plausibility.SETTLE": 10_000,
    "plausibility.DOWNHILL_TIME": 5_000,
    "plausibility.SLOPE": 5,
    "plausibility.SLOPE_SETTLE": 40_000,
    "plausibility.PROBE_TIME": 5_000,
    "plausibility.PROBE_SIZE": 15,
    "plausibility.PROBE_WAIT": 20_000,
    "recovery.STOP_VALID": 60_000,
    "recovery.SAME_RUN": 600_000,
    "recovery.SLACK": 60,
    "recovery.STRIDE": 3,
    "starting.CONTROL_RETRY": 500,
    "stopping.STOP_AGAIN": 500,
    "stopping.STOP_PATIENCE": 20_000,
    "stopping.STOP_SILENCE": 4_000,
    "stopping.ARRIVED": 10,
    "stopping.SLOWEST": 60_000,
    "supervision.OUTAGE_SLOW": 15_000,
    "supervision.GAP_HOLD": 1_000,
    "supervision.GAP_SLOW": 3_000,
    "supervision.GAP_MEMORY": 2_000,
    "supervision.SILENCES": 3,
    "supervision.START_TIME": 12_000,
    "supervision.CONSOLE_TIME": 45_000,
    "supervision.CONTROL_ASKS": 2,
    "supervision.CHECK_SLOW": 15_000,
    "supervision.CHECK_STOP": 30_000,
    "supervision.SIGNS": 30,
    "supervision.ABSENT_SLOW": 20_000,
    "supervision.ABSENT_STOP": 35_000,
    "supervision.DOUBT_TIME": 60_000,
    "supervision.CUE_TIME": 5_000,
    "supervision.RESTART_WATCH": 30_000,
    "units.KMH": 100,
    "units.PERCENT": 10,
    "units.SECOND": 1_000,
    "units.MINUTE": 60_000,
    "units.SPEED_LIMIT": 2_500,
    "units.INCLINE_LIMIT": 400,
    "units.DURATION_LIMIT": 86_400_000,
}
"""Speeds in 0.01 km/h, inclines in 0.1 %, times in ms, counts."""

# fmt: off
WAYS = {
    "offline": "link_up>idle stop>offline",
    "idle": "link_down>offline arm>armed stop>stopping slow>slowing fault>faulted",
    "armed": "link_down>offline disarm>idle confirm>countdown arm>armed stop>stopping",
    "countdown": (
        "link_down>offline disarm>idle start>starting stop>stopping "
        "hand_over>handed_over"
    ),
    "starting": (
        "link_down>faulted motion>running slow>slowing stop>stopping "
        "hand_over>handed_over"
    ),
    "running": (
        "link_down>faulted turn>turning hold>holding slow>slowing stop>stopping "
        "hand_over>handed_over"
    ),
    "turning": (
        "link_down>faulted confirm>countdown slow>slowing stop>stopping still>finished "
        "hand_over>handed_over"
    ),
    "holding": (
        "link_down>faulted release>running confirm>countdown slow>slowing stop>stopping "
        "still>finished hand_over>handed_over"
    ),
    "slowing": "link_down>faulted slow>slowing stop>stopping hand_over>handed_over",
    "stopping": (
        "link_down>faulted stop>stopping still>finished paused>holding turned>turning "
        "fault>faulted"
    ),
    "finished": "link_down>offline arm>armed stop>stopping acknowledge>idle",
    "handed_over": "link_down>offline stop>stopping still>finished fault>faulted",
    "faulted": "link_down>faulted stop>faulted acknowledge>idle",
}
"""Where each trigger leads from each phase."""

CHECKS = {
    "idle": "_restarted",
    "armed": "_restarted _clock",
    "countdown": "_moved_early _unseen _deck _broker _clock _control",
    "starting": "too_fast_at_once stale _start _control _clock",
    "running": (
        "over_cap stale frozen over_target probe downhill halted unexplained slope _broker "
        "_clock _answers _presence _absence _control strain unprobed _cue unfelt"
    ),
    "holding": (
        "_resting ?over_cap ?stale ?frozen ?over_target ?probe ?downhill ?halted "
        "?unexplained ?slope ?_broker ?_clock ?_answers ?_presence ?_absence ?_control "
        "?strain"
    ),
    "turning": (
        "_resting ?over_cap ?stale ?frozen ?over_target ?probe ?downhill ?halted ?_answers "
        "?_clock"
    ),
    "slowing": "over_cap stale frozen over_target probe downhill halted _answers",
    "handed_over": "over_cap",
    "finished": "_restarted",
    "faulted": "_restarted",
}
"""What is asked in each phase, in this order; `?` only while the belt moves because of us."""
# fmt: on


def finals(module):
    for node in ast.parse((HOME / f"{module}.py").read_text()).body:
        if isinstance(node, ast.AnnAssign) and "Final" in ast.unparse(node.annotation):
            value = getattr(importlib.import_module(f"backstride.domain.{module}"), node.target.id)
            if isinstance(value, int):
                yield f"{module}.{node.target.id}", value


@pytest.mark.parametrize("module", sorted({name.partition(".")[0] for name in NUMBERS}))
def test_the_numbers_are_what_was_decided(module):
    expected = {name: value for name, value in NUMBERS.items() if name.startswith(f"{module}.")}
    assert expected == dict(finals(module))


def test_each_trigger_leads_where_it_should():
    ways = {str(p): " ".join(f"{t}>{q}" for t, q in row.items()) for p, row in TABLE.items()}
    assert ways == WAYS


def name(check):
    inner = inspect.getclosurevars(check).nonlocals.get("check")
    return check.__name__ if inner is None else f"?{inner.__name__}"


def test_each_phase_asks_what_it_should():
    asked = {str(p): " ".join(map(name, checks)) for p, checks in supervision._CHECKS.items()}
    assert asked == CHECKS


def test_the_sets_of_phases_are_what_was_decided():
    sets = [MOVING, ACTIVE - MOVING, _BEFORE, IN_CONTROL]
    expected = [
        "holding running slowing starting turning",
        "countdown stopping",
        "armed countdown",
        "assumed granted",
    ]
    assert expected == [" ".join(sorted(members)) for members in sets]


def test_the_ladder_of_actions_has_this_order():
    ladder = ["ANNOUNCE", "HOLD", "SLOW_DOWN", "STOP", "HAND_OVER"]
    assert [(step, number) for number, step in enumerate(ladder, 1)] == [
        (a.name, a) for a in Action
    ]


def test_what_nobody_configured_is_cautious():
    rules, options = SiteRules(), Options()
    assert (400, 50, None) == (rules.caps.speed, rules.caps.incline, rules.caps.backward_time)
    assert (None, False) == (rules.machine, rules.jog)
    assert (45_000, 10_000, 600_000) == (
        options.confirm_window,
        options.countdown,
        options.patience,
    )


def test_what_nobody_saw_is_unknown_and_counts_nothing():
    unknown = (
        *("at", "speed", "speed_at", "incline", "incline_at", "level"),
        *("distance", "elapsed", "energy", "heart_rate", "steps"),
        "heart_rate_at",
    )
    nothing = (
        *("frames", "zeros", "over", "since", "since_at", "low", "low_at", "level_at"),
        *("advanced_at", "counts", "ticks", "signs", "sign_at"),
    )
    expected = {**dict.fromkeys(unknown), **dict.fromkeys(nothing, 0)}
    assert expected == msgspec.structs.asdict(Evidence())


def test_a_value_of_the_core_cannot_be_changed():
    kinds = {
        kind
        for path in HOME.glob("*.py")
        for kind in vars(importlib.import_module(f"backstride.domain.{path.stem}")).values()
        if isinstance(kind, type)
        and issubclass(kind, msgspec.Struct)
        and kind is not msgspec.Struct
    }
    assert len(kinds) > 40
    assert [] == [kind.__name__ for kind in kinds if not kind.__struct_config__.frozen]
