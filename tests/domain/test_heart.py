"""The heart rate against its ceiling: it holds, it slows the belt down, and it never speeds anything up."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest
from msgspec.structs import replace

from backstride.domain import ceiling, events
from backstride.domain.ceiling import ceiling_of, follow_heart, heart_rate_of, source_of
from backstride.domain.commands import SetSpeed
from backstride.domain.events import Ask
from backstride.domain.failsafe import Action, Cause
from backstride.domain.heart import Heart, Source, hear, is_pulse, rest
from backstride.domain.notices import Alarm, Cue, CueKind
from backstride.domain.session import Cues, Draft, Drive, Phase, Session
from backstride.domain.walker import Walker
from backstride.domain.workout import Effort, Facing, Step, flatten

HIGHEST = 180
CEILING = 152
"""85 % of 180 is 153, and the rate stays below it."""


def steady(speed, minutes=20):
    return Step(effort=Effort.WORK, duration=minutes * 60_000, speed=speed)


@pytest.fixture
def walking(make_rig, make_program):
    """Somebody with a ceiling who walks backward at 2.0 km/h, with a strap on."""
    rig = make_rig(session=Session(max_heart_rate=HIGHEST))
    rig.run(make_program(facing=Facing.BACKWARD, max_speed=200, steps=(steady(200),)))
    wear(rig, 100, 40)
    assert (Phase.RUNNING, 200) == (rig.session.phase, rig.session.drive.target)
    return rig


def beat(rig, bpm, **told):
    rig.feed(events.HeartRate(at=rig.now, bpm=bpm, **told))


def wear(rig, bpm, seconds, **told):
    for _ in range(seconds):
        beat(rig, bpm, **told)
        rig.seconds(1)


def speeds(rig):
    return [command.target for _, command, _ in rig.commands(SetSpeed)]


def judged(rig):
    """The ceiling's own findings, with what is done about them."""
    found = [n for n in rig.notices if isinstance(n, Alarm)]
    return [(n.cause, n.action) for n in found if n.cause.startswith("heart_rate")]


# -- what is believed ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("bpm", "believed"), [(0, False), (29, False), (30, True), (230, True), (231, False)]
)
def test_a_pulse_is_what_hearts_can_do(bpm, believed):
    assert believed == is_pulse(bpm)


@pytest.mark.hazard("H30")
@pytest.mark.parametrize(
    ("bpm", "contact", "rate"),
    [(90, None, 90), (90, True, 90), (90, False, None), (0, True, None), (65_535, None, None)],
)
def test_without_contact_or_beyond_all_hearts_the_rate_is_unknown(bpm, contact, rate):
    heart = hear(Heart(rate=80, at=1), events.HeartRate(at=7, bpm=bpm, contact=contact))
    assert (rate, contact, 7) == (heart.rate, heart.contact, heart.at)


def test_the_charge_is_remembered_from_the_measurement_that_told_it():
    heart = hear(Heart(), events.HeartRate(at=1, bpm=90, battery=40))
    assert 40 == hear(heart, events.HeartRate(at=2, bpm=91)).battery
    assert 39 == hear(heart, events.HeartRate(at=2, bpm=91, battery=39)).battery


def test_what_is_at_rest_is_above_no_ceiling():
    heart = Heart(
        rate=90, at=1, over_since=1, held_by=Source.STRAP, calm_since=3, eased=True, contact=True
    )
    assert Heart(rate=90, at=1, contact=True) == rest(heart)


def test_the_strap_counts_before_the_treadmill_and_each_while_it_is_fresh(rig):
    rig.connect()
    assert (None, None) == (heart_rate_of(rig.session), source_of(rig.session))
    rig.report(heart_rate=85)
    assert (85, Source.TREADMILL) == (heart_rate_of(rig.session), source_of(rig.session))
    beat(rig, 120)
    rig.mute = True
    rig.seconds(5)
    assert (120, Source.STRAP) == (heart_rate_of(rig.session), source_of(rig.session))
    rig.tick()
    assert (None, None) == (heart_rate_of(rig.session), source_of(rig.session))


def test_a_silent_strap_leaves_the_treadmills_word(rig):
    rig.connect()
    beat(rig, 120)
    rig.seconds(5)
    rig.report(heart_rate=85)
    rig.tick()
    assert (85, Source.TREADMILL) == (heart_rate_of(rig.session), source_of(rig.session))


def test_a_rate_that_a_record_lacks_keeps_its_age(rig):
    rig.connect()
    rig.report(heart_rate=85)
    rig.seconds(5)  # records without a rate go on
    assert 85 == heart_rate_of(rig.session)
    rig.tick()
    assert heart_rate_of(rig.session) is None


@pytest.mark.hazard("H30")
@pytest.mark.parametrize("rate", [0, 29, 231, 255])
def test_a_treadmills_absurd_rate_is_unknown(rig, rate):
    rig.connect()
    rig.report(heart_rate=rate)
    assert heart_rate_of(rig.session) is None


@pytest.mark.parametrize(
    ("configured", "told", "expected"),
    [(None, None, None), (180, None, 152), (None, 200, 169), (180, 200, 152), (190, 181, 153)],
)
def test_the_ceiling_is_below_85_percent_of_the_lowest_maximum_that_was_told(
    configured, told, expected
):
    person = Walker(id="ada", name="Ada", max_heart_rate=told)
    assert expected == ceiling_of(Session(max_heart_rate=configured, person=person))
    if told is None:
        assert expected == ceiling_of(Session(max_heart_rate=configured))


# -- the ladder ------------------------------------------------------------------------------------


def test_a_rate_at_the_ceiling_is_no_reason(walking):
    wear(walking, CEILING, 60)
    assert (Phase.RUNNING, []) == (walking.session.phase, judged(walking))


def test_without_a_ceiling_nothing_is_too_fast(make_rig, make_program):
    rig = make_rig().run(make_program(facing=Facing.BACKWARD, max_speed=200, steps=(steady(200),)))
    wear(rig, 229, 60)
    assert (Phase.RUNNING, []) == (rig.session.phase, judged(rig))


@pytest.mark.hazard("H30")
def test_above_the_ceiling_for_five_seconds_the_session_holds_and_says_why(walking):
    wear(walking, CEILING + 1, 5)
    walking.tick()
    assert walking.session.phase is Phase.RUNNING
    walking.tick()
    assert (Phase.HOLDING, (Cause.HEART_RATE,)) == (walking.session.phase, walking.session.holds)
    assert [("heart_rate", "hold")] == judged(walking)
    alarm = walking.last_cue(CueKind.ALARM)
    assert "your heart rate is 153; it must come down to 147: no faster until then" == alarm.text


@pytest.mark.hazard("H30")
def test_one_wild_reading_is_no_reason(walking):
    beat(walking, 229)
    walking.seconds(1)
    wear(walking, 100, 3)
    beat(walking, 229)
    walking.seconds(20)  # and then silence
    assert [] == [cause for cause, _ in judged(walking) if cause == "heart_rate"]
    assert walking.session.phase is Phase.RUNNING


@pytest.mark.hazard("H30")
def test_above_it_for_longer_the_belt_comes_down_step_by_step_to_its_lowest_speed(walking):
    before = len(speeds(walking))
    wear(walking, 170, 20)
    assert before == len(speeds(walking))
    wear(walking, 170, 60)
    assert [180, 160, 140, 120, 100, 80, 60, 50] == speeds(walking)[before:]
    at = [at for at, _, _ in walking.commands(SetSpeed)][before:]
    assert all(later - sooner >= 5_000 for sooner, later in pairwise(at))
    told = [n for n in walking.notices if isinstance(n, Cue) and n.kind is CueKind.SLOWER]
    assert ["your heart rate stays high: the belt slows down step by step"] == [
        n.text for n in told
    ]
    assert (180, "heart_rate") == (told[0].speed, told[0].cause)
    assert Phase.HOLDING is walking.session.phase


def test_at_the_lowest_speed_nobody_is_told_that_the_belt_slows_down(make_rig, make_program):
    rig = make_rig(session=Session(max_heart_rate=HIGHEST))
    rig.run(make_program(facing=Facing.BACKWARD, max_speed=100, steps=(steady(50),)))
    before = len(speeds(rig))
    wear(rig, 170, 40)
    assert (Phase.HOLDING, before) == (rig.session.phase, len(speeds(rig)))
    assert CueKind.SLOWER not in [n.kind for n in rig.notices if isinstance(n, Cue)]


@pytest.mark.hazard("H30")
def test_when_it_does_not_come_down_at_the_lowest_speed_either_the_session_ends(walking):
    wear(walking, 170, 300)
    assert Phase.HOLDING is walking.session.phase
    wear(walking, 170, 2)
    walking.until(Phase.FAULTED)
    assert ("heart_rate", "slow_down") == judged(walking)[-1]
    assert (Cause.HEART_RATE, Action.SLOW_DOWN) == (
        walking.session.fault.cause,
        walking.session.fault.action,
    )
    assert "your heart rate does not come down below 147: the belt stops" == (
        walking.session.fault.sentence
    )


@pytest.mark.hazard("H30")
def test_a_hold_ends_only_when_the_rate_has_been_well_below_for_ten_seconds(walking):
    wear(walking, 160, 7)
    wear(walking, CEILING - 4, 12)
    assert Phase.HOLDING is walking.session.phase
    wear(walking, CEILING - 5, 6)
    wear(walking, CEILING - 4, 1)
    wear(walking, CEILING - 5, 10)
    assert Phase.HOLDING is walking.session.phase
    wear(walking, CEILING - 5, 1)
    assert Phase.RUNNING is walking.session.phase
    assert Heart() == replace(walking.session.heart, rate=None, at=None)


@pytest.mark.hazard("H30")
def test_what_was_lowered_stays_lowered_until_a_person_asks_for_more(walking):
    wear(walking, 170, 28)
    eased = walking.session.drive.target
    assert 160 == eased
    wear(walking, 100, 120)
    assert (Phase.RUNNING, eased) == (walking.session.phase, walking.session.drive.target)
    assert "adjusted" == walking.ask(Ask.FASTER).code
    wear(walking, 100, 10)
    assert eased + 10 == walking.session.drive.target


def test_a_hold_on_the_way_up_ends_the_way_up(make_rig, make_program):
    rig = make_rig(session=Session(max_heart_rate=HIGHEST))
    rig.run(make_program(facing=Facing.BACKWARD, max_speed=300, steps=(steady(300),)))
    wear(rig, 170, 8)
    held = rig.session.drive.target
    assert held < 300
    wear(rig, 100, 60)
    assert (Phase.RUNNING, held) == (rig.session.phase, rig.session.drive.target)


@pytest.mark.hazard("H30")
def test_a_ramp_that_was_held_goes_on_only_after_a_fresh_cue(make_rig, make_program):
    ramp = Step(effort=Effort.WORK, duration=120_000, speed=100, ramp_to=300)
    rig = make_rig(session=Session(max_heart_rate=HIGHEST))
    rig.run(make_program(facing=Facing.BACKWARD, max_speed=300, steps=(ramp, steady(300))))
    wear(rig, 100, 20)
    wear(rig, 160, 8)
    assert Phase.HOLDING is rig.session.phase
    held, rig.hears = rig.session.drive.target, False
    wear(rig, 100, 40)
    assert (Phase.RUNNING, held) == (rig.session.phase, rig.session.drive.target)
    rig.hears = True
    wear(rig, 100, 4)
    assert held == rig.session.drive.target
    wear(rig, 100, 20)
    assert held < rig.session.drive.target


def test_a_hold_where_the_script_wants_less_raises_no_setpoint(make_rig, make_program):
    down = Step(effort=Effort.WORK, duration=60_000, speed=200, ramp_to=100)
    rig = make_rig(session=Session(max_heart_rate=HIGHEST))
    rig.run(make_program(facing=Facing.BACKWARD, max_speed=200, steps=(down, steady(100))))
    rig.session = replace(rig.session, trim=-20)
    wear(rig, 160, 20)
    assert rig.session.trim <= -20


NOW = 1_000_000


def above(ago, **changes):
    """A session whose rate went above the ceiling so long ago, and is there now."""
    heart = Heart(rate=170, at=NOW, over_since=NOW - ago, held_by=Source.STRAP)
    return Session(now=NOW, max_heart_rate=HIGHEST, heart=replace(heart, **changes))


def test_each_rung_of_the_ladder_begins_beyond_its_time_and_not_at_it():
    assert follow_heart(above(5_000, held_by=None)).held_by is None
    assert follow_heart(above(5_001, held_by=None)).held_by is Source.STRAP
    assert follow_heart(above(9_000, rate=100, calm_since=NOW - 10_000)).held_by is Source.STRAP
    assert follow_heart(above(9_000, rate=100, calm_since=NOW - 10_001)).held_by is None
    eases = [replace(above(ago), holds=(Cause.HEART_RATE,)) for ago in (20_000, 20_001)]
    assert [False, True] == [ceiling.eases(s) for s in eases]
    assert Action.HOLD is ceiling.strain(above(300_000)).action
    assert Action.SLOW_DOWN is ceiling.strain(above(300_001)).action


def test_nothing_eases_but_a_hold_for_the_heart_without_relief():
    held = (Cause.HEART_RATE,)
    assert not ceiling.eases(replace(above(30_000), holds=(Cause.CLOCK,)))
    assert not ceiling.eases(replace(above(30_000, calm_since=NOW), holds=held))
    assert not ceiling.eases(replace(above(30_000, over_since=None), holds=held))


def test_without_a_ceiling_or_a_beginning_there_is_no_strain():
    assert ceiling.strain(replace(above(9_000), max_heart_rate=None)) is None
    assert ceiling.strain(above(9_000, over_since=None)) is None
    assert ceiling.strain(above(9_000, held_by=None)) is None
    assert rest(above(9_000).heart) == follow_heart(replace(above(9_000), max_heart_rate=None))


def test_who_made_the_hold_is_remembered_and_what_made_it_since_when():
    first = follow_heart(above(0, held_by=None, over_since=None))
    assert (NOW, None) == (first.over_since, first.held_by)
    assert NOW == follow_heart(above(9_000, rate=100)).calm_since
    assert follow_heart(above(9_000, rate=148, calm_since=NOW - 1)).calm_since is None
    assert NOW - 7 == follow_heart(above(9_000, rate=147, calm_since=NOW - 7)).calm_since


def test_sparing_without_a_program_changes_nothing():
    draft = Draft(Session(trim=5))
    ceiling.spare(draft)
    assert Session(trim=5) == draft.s


@pytest.mark.parametrize(
    ("target", "trim", "expected"), [(200, -20, -20), (180, -20, -20), (170, -20, -30), (250, 0, 0)]
)
def test_sparing_only_ever_lowers_the_trim(make_program, target, trim, expected):
    workout = flatten(make_program(steps=(steady(200),)), 50)
    draft = Draft(
        Session(workout=workout, trim=trim, drive=Drive(target=target), cues=Cues(segment=3))
    )
    ceiling.spare(draft)
    assert (expected, -1) == (draft.s.trim, draft.s.cues.segment)


# -- the strap that is lost, or lies -----------------------------------------------------------------


@pytest.mark.hazard("H30")
def test_a_strap_that_is_lost_above_the_ceiling_keeps_the_hold_and_the_slowing_down(walking):
    wear(walking, 170, 8)
    walking.seconds(60)
    assert (Phase.HOLDING, 50) == (walking.session.phase, walking.session.drive.target)
    finding = ceiling.strain(walking.session)
    assert finding.sentence.startswith("your heart rate was above its ceiling; it must")


@pytest.mark.hazard("H30")
def test_a_treadmills_grip_sensor_does_not_answer_for_the_strap(walking):
    wear(walking, 170, 8)
    for _ in range(30):
        walking.seconds(1)
        walking.report(heart_rate=80)
    assert 80 == heart_rate_of(walking.session)
    assert Phase.HOLDING is walking.session.phase


def test_what_the_treadmill_held_the_strap_or_the_treadmill_may_end(make_rig, make_program):
    for beats in (True, False):
        rig = make_rig(session=Session(max_heart_rate=HIGHEST))
        rig.run(make_program(facing=Facing.BACKWARD, max_speed=200, steps=(steady(200),)))
        for _ in range(8):
            rig.report(heart_rate=170)
            rig.seconds(1)
        assert Phase.HOLDING is rig.session.phase
        for _ in range(17):
            if beats:
                beat(rig, 90)
            else:
                rig.report(heart_rate=90)
            rig.seconds(1)
        assert Phase.RUNNING is rig.session.phase


@pytest.mark.hazard("H30")
def test_an_unknown_rate_stops_nobody_and_is_told_once(walking):
    walking.seconds(21)
    assert [("heart_rate_lost", "announce")] == judged(walking)
    walking.seconds(120)
    assert [("heart_rate_lost", "announce")] == judged(walking)
    assert (Phase.RUNNING, 200) == (walking.session.phase, walking.session.drive.target)


def test_a_pulse_that_the_treadmill_still_tells_is_not_lost(walking):
    for _ in range(30):
        walking.report(heart_rate=90)
        walking.seconds(1)
    assert [] == judged(walking)


def test_the_loss_is_told_after_twenty_seconds_and_not_before(walking):
    walking.seconds(19)
    assert [] == judged(walking)
    walking.seconds(1)
    walking.tick()
    assert [("heart_rate_lost", "announce")] == judged(walking)


def test_a_strap_without_contact_is_no_rate_and_no_absence(walking):
    wear(walking, 0, 40, contact=False)
    assert Phase.RUNNING is walking.session.phase
    assert [] == judged(walking)  # it is there, and says so itself: the state shows the contact


@pytest.mark.hazard("H29")
def test_a_strap_that_beats_is_no_proof_that_somebody_is_on_the_belt(make_rig, make_program):
    """It goes with the walker, and is heard ten metres away."""
    rig = make_rig(session=Session(max_heart_rate=HIGHEST))
    rig.run(make_program(facing=Facing.BACKWARD, max_speed=200, steps=(steady(200),)))
    for steps in range(40):
        rig.report(steps=steps)
        wear(rig, 100, 1, contact=True)
    assert Phase.RUNNING is rig.session.phase
    for _ in range(21):
        rig.report(steps=39)
        wear(rig, 100, 1, contact=True)
    assert (Phase.HOLDING, (Cause.NOBODY_THERE,)) == (rig.session.phase, rig.session.holds)


def test_a_strap_that_was_worn_before_the_belt_moved_is_not_missed(make_rig, make_program):
    rig = make_rig(session=Session(max_heart_rate=HIGHEST))
    beat(rig, 100)
    rig.run(make_program(facing=Facing.BACKWARD, max_speed=200, steps=(steady(200),)))
    rig.seconds(60)
    assert [] == judged(rig)


def test_nobody_without_a_ceiling_is_told_of_a_lost_strap(make_rig, make_program):
    rig = make_rig().run(make_program(facing=Facing.BACKWARD, max_speed=200, steps=(steady(200),)))
    wear(rig, 100, 3)
    rig.seconds(60)
    assert [] == judged(rig)


def test_a_pause_begins_the_ladder_anew(walking):
    wear(walking, 170, 8)
    assert walking.session.heart.held_by is Source.STRAP
    walking.ask(Ask.PAUSE)
    for _ in range(30):
        beat(walking, 170)
        walking.seconds(1)
    assert walking.session.paused
    assert (None, None) == (walking.session.heart.held_by, walking.session.heart.over_since)


def test_a_command_without_an_answer_comes_before_the_slowing_down_for_the_heart(walking):
    wear(walking, 170, 8)
    walking.deaf = True
    walking.session = replace(
        walking.session, drive=replace(walking.session.drive, unknowns=1, previous=190)
    )
    walking.seconds(1)
    assert 190 == speeds(walking)[-1]


# -- never faster ------------------------------------------------------------------------------------


def hearts(rng, seconds):
    """What a strap of any honesty may say, second by second: measurements, or nothing."""
    said, rate, mode = [], 100, "steady"
    for _ in range(seconds):
        if rng.random() < 0.08:
            mode = rng.choice(["steady", "high", "low", "silent", "lost", "wild", "twice"])
            rate = rng.choice([60, 100, 140, 147, 148, 152, 153, 154, 170, 220])
        match mode:
            case "silent":
                said.append([])
            case "lost":
                said.append([{"bpm": 0, "contact": False}])
            case "wild":
                said.append([{"bpm": rng.choice([0, 29, 60, 180, 231, 65_535])}])
            case "high":
                said.append([{"bpm": rng.randint(153, 200), "contact": True}])
            case "low":
                said.append([{"bpm": rng.randint(40, 147)}])
            case "twice":
                said.append([{"bpm": rate}] * 2)
            case _:
                said.append([{"bpm": rate}])
    return said


@pytest.mark.hazard("H30")
@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", range(4))
def test_at_no_place_of_the_program_is_a_heart_faster_than_none(make_rig, make_program, seed):
    """Whatever a strap says: at each moment of the program's clock the belt's target is at most what it is in
    the same session without a strap, at the same moment of that clock. (Of the wall's clock that cannot
    be promised: a session that was held comes to its slower steps later.) Any event lets the pilot look
    once more, so the session without a strap hears something that means nothing just as often.
    """
    print(f"seed {seed}")
    rng = random.Random(seed)
    steps = (
        Step(effort=Effort.WARMUP, duration=30_000, speed=100),
        Step(effort=Effort.WORK, duration=40_000, speed=rng.choice([160, 190])),
        Step(effort=Effort.RECOVER, duration=20_000, speed=130, ramp_to=80),
        Step(effort=Effort.WORK, duration=40_000, speed=120, ramp_to=rng.choice([160, 200])),
        Step(effort=Effort.COOLDOWN, duration=20_000, speed=110, ramp_to=60),
    )
    chosen = make_program(facing=Facing.BACKWARD, max_speed=250, steps=steps)

    def walk(said):
        rig = make_rig(session=Session(max_heart_rate=HIGHEST)).connect().start(chosen)
        places = {}
        for second in said:
            for told in second:
                before = rig.session.drive.target
                beat(rig, **told)
                assert rig.session.drive.target <= before
            for _ in range(10):
                rig.tick()
                rig.feed(events.Training(at=rig.now, epoch=rig.epoch, code=13))
                if rig.session.phase in {Phase.RUNNING, Phase.HOLDING}:
                    places.setdefault(rig.session.script, []).append(rig.session.drive.target)
        return places

    without, worn = walk([[]] * 240), walk(hearts(rng, 700))
    assert len(without) > 1_400
    faster = {at: (max(t), max(without[at])) for at, t in worn.items() if max(t) > max(without[at])}
    assert {} == faster
