"""`step` takes any event in any phase: it never raises, never goes back in time, and is deterministic."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import json
from msgspec.structs import replace

from backstride.domain import events
from backstride.domain.commands import RequestControl, SetIncline, SetSpeed, Start, Stop
from backstride.domain.envelope import Permit, envelope, permit
from backstride.domain.events import Ask, Ownership, Status, Verdict
from backstride.domain.evidence import Evidence
from backstride.domain.heart import Heart, Source
from backstride.domain.limits import Caps, SiteRules
from backstride.domain.session import (
    Control,
    Cues,
    Drive,
    Pending,
    Phase,
    Session,
    Then,
)
from backstride.domain.step import step
from backstride.domain.walker import Walker
from backstride.domain.workout import Facing, flatten

NOW = 1_000_000
AGES = st.sampled_from([0, 500, 1_500, 3_500, 6_000, 70_000])
INSTANTS = AGES.map(lambda age: NOW - age)
SPEEDS = st.sampled_from([0, 20, 50, 60, 100, 150, 181, 400, 2500])
INCLINES = st.sampled_from([-30, -1, 0, 5, 10, 300])
COUNTERS = st.one_of(st.none(), st.integers(0, 70_000))
COMMANDS = st.one_of(
    st.just(RequestControl()),
    SPEEDS.map(SetSpeed),
    INCLINES.map(SetIncline),
    st.just(Start()),
    st.just(Stop()),
)
RECORDS = st.builds(
    Ownership,
    fingerprint=st.sampled_from(["bench", "another"]),
    program=st.just("x"),
    target=SPEEDS,
    distance=COUNTERS,
    elapsed=COUNTERS,
)

EVIDENCE = st.builds(
    Evidence,
    at=INSTANTS,
    speed=st.one_of(st.none(), SPEEDS),
    speed_at=st.one_of(st.none(), INSTANTS),
    incline=st.one_of(st.none(), INCLINES),
    zeros=st.integers(0, 3),
    over=st.integers(0, 3),
    since=st.integers(0, 3),
    low=SPEEDS,
    low_at=INSTANTS,
    level=st.one_of(st.none(), SPEEDS),
    level_at=INSTANTS,
    advanced_at=INSTANTS,
    counts=st.booleans(),
    ticks=st.booleans(),
)
DRIVES = st.builds(
    Drive,
    target=SPEEDS,
    target_at=INSTANTS,
    previous=SPEEDS,
    followed=st.booleans(),
    incline=st.sampled_from([0, 5, 10]),
    incline_at=INSTANTS,
    pending=st.one_of(
        st.none(), st.builds(Pending, ticket=st.just(5), command=COMMANDS, sent_at=INSTANTS)
    ),
    retry_at=INSTANTS,
    unknowns=st.integers(0, 3),
    refusals=st.integers(0, 3),
    probed=st.integers(0, 2),
    probe_at=st.one_of(st.none(), INSTANTS),
    stop_at=st.one_of(st.none(), INSTANTS),
    stop_since=st.one_of(st.none(), INSTANTS),
    stop_answered_at=st.one_of(st.none(), INSTANTS),
    stop_retry_at=st.one_of(st.none(), INSTANTS),
)


HEARTS = st.builds(
    Heart,
    rate=st.sampled_from([None, 95, 190]),
    at=st.one_of(st.none(), INSTANTS),
    over_since=st.one_of(st.none(), INSTANTS),
    held_by=st.sampled_from([None, *Source]),
    calm_since=st.one_of(st.none(), INSTANTS),
    eased=st.booleans(),
)
WALKER = Walker(id="w", name="Walker", max_heart_rate=170, caps=Caps(reason="own", speed=140))


def pushes(before, transition):
    """What sets the belt in motion or makes it faster."""
    return [
        order.command
        for order in transition.orders
        if isinstance(order.command, Start)
        or (isinstance(order.command, SetSpeed) and order.command.target > before.drive.target)
    ]


@pytest.fixture
def sessions(make_machine, make_program):
    """Any session at all: most of them can never come about."""
    known = make_machine()
    chosen = make_program(check_in=30_000)
    workout = flatten(chosen, 50)
    within = envelope(SiteRules(), known, None, chosen)

    def build(phase, plan, linked, **fields):
        linked = phase is not Phase.OFFLINE and (linked or phase is not Phase.FAULTED)
        planned = {"program": chosen, "workout": workout, "envelope": within} if plan else {}
        return Session(
            phase=phase, linked=linked, machine=known, epoch=3, now=NOW, **planned, **fields
        )

    return st.builds(
        build,
        phase=st.sampled_from(Phase),
        plan=st.booleans(),
        linked=st.booleans(),
        since=INSTANTS,
        ticked_at=st.one_of(st.none(), INSTANTS),
        gap=AGES,
        gap_at=INSTANTS,
        control=st.sampled_from(Control),
        control_asks=st.integers(0, 3),
        control_ticket=st.just(4),
        control_at=INSTANTS,
        evidence=EVIDENCE,
        drive=DRIVES,
        bus=st.booleans(),
        outage=AGES,
        bus_since=INSTANTS,
        script=st.integers(0, 200_000),
        trim=st.sampled_from([-30, 0, 30]),
        facing=st.sampled_from(Facing),
        cues=st.builds(
            Cues, segment=st.integers(-1, 6), about=st.just(2), missed=st.integers(0, 1)
        ),
        confirmed_epoch=st.sampled_from([2, 3]),
        start_granted=st.booleans(),
        moving_since=st.one_of(st.none(), INSTANTS),
        then=st.sampled_from(Then),
        owed=st.booleans(),
        paused=st.booleans(),
        off_since=st.one_of(st.none(), INSTANTS),
        downhill_since=st.one_of(st.none(), INSTANTS),
        asked_at=st.one_of(st.none(), INSTANTS),
        adopted=st.one_of(st.none(), RECORDS),
        started_at=st.one_of(st.none(), INSTANTS),
        rested_at=st.one_of(st.none(), INSTANTS),
        stop_wanted_at=st.one_of(st.none(), INSTANTS),
        tickets=st.just(5),
        heart=HEARTS,
        max_heart_rate=st.sampled_from([None, 180]),
        person=st.sampled_from([None, WALKER]),
    )


@pytest.fixture
def happenings(make_machine, make_program):
    at = st.sampled_from([NOW - 50, NOW, NOW + 100, NOW + 2_000, NOW + 60_000])
    epoch = st.sampled_from([2, 3, 3, 3, 4])
    return st.one_of(
        st.builds(events.Tick, at=at, slept=st.sampled_from([0, 2_000, 9_000])),
        st.builds(
            events.LinkUp,
            at=at,
            epoch=epoch,
            machine=st.sampled_from([make_machine(), make_machine(fingerprint="another")]),
        ),
        st.builds(events.LinkDown, at=at, epoch=epoch, reason=st.just("x")),
        st.builds(
            events.Telemetry,
            at=at,
            epoch=epoch,
            speed=st.one_of(st.none(), SPEEDS),
            incline=st.one_of(st.none(), INCLINES),
            distance=COUNTERS,
            elapsed=COUNTERS,
        ),
        st.builds(
            events.MachineStatus,
            at=at,
            epoch=epoch,
            status=st.sampled_from(Status),
            value=st.one_of(st.none(), SPEEDS),
        ),
        st.builds(events.Training, at=at, epoch=epoch, code=st.integers(0, 255)),
        st.builds(
            events.Outcome,
            at=at,
            epoch=epoch,
            ticket=st.integers(3, 6),
            verdict=st.sampled_from(Verdict),
            detail=st.sampled_from(["", "refused: control not permitted"]),
        ),
        st.builds(
            events.Request,
            at=at,
            id=st.just("r"),
            ask=st.sampled_from(Ask),
            program=st.sampled_from([None, make_program(), make_program(id="b", steps=())]),
        ),
        st.builds(events.BusUp, at=at),
        st.builds(events.BusDown, at=at),
        st.builds(events.CueHeard, at=at, cue=st.integers(0, 3)),
        st.builds(
            events.HeartRate,
            at=at,
            bpm=st.sampled_from([0, 60, 153, 220, 65_535]),
            contact=st.sampled_from([None, False, True]),
        ),
        st.builds(events.Shutdown, at=at),
        st.builds(events.Adopt, at=at, record=RECORDS, age=AGES),
    )


@pytest.mark.hazard("H01", "H17", "H30")
@settings(
    max_examples=600,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_any_event_in_any_session_is_folded(sessions, happenings, data):
    session = data.draw(sessions)
    for event in data.draw(st.lists(happenings, min_size=1, max_size=8)):
        before = session
        transition = step(session, event)
        assert transition == step(before, event)
        session = transition.session
        if isinstance(event, events.HeartRate):
            without = step(before, events.CueHeard(at=event.at, cue=-1))
            assert len(pushes(before, transition)) <= len(pushes(before, without))
        assert session.now >= before.now
        assert session.tickets == before.tickets + len(transition.orders)
        for order in transition.orders:
            granted = permit(order.command, order.ticket, order.situation, session.envelope)
            if isinstance(order.command, Stop):
                assert isinstance(granted, Permit)
            if isinstance(order.command, Start) and isinstance(granted, Permit):
                assert order.situation.start_granted
                assert order.situation.speed == 0
        if session.phase is Phase.HANDED_OVER:
            moved = [
                o for o in transition.orders if isinstance(o.command, SetSpeed | SetIncline | Start)
            ]
            assert before.phase is not Phase.HANDED_OVER or moved == []


def test_an_event_that_arrives_late_does_not_turn_back_the_clock(rig):
    rig.connect()
    now = rig.session.now
    rig.feed(events.Tick(at=now - 5_000))
    assert now == rig.session.now


def test_a_session_and_its_events_survive_the_journal(rig):
    rig.run()
    event = events.Telemetry(at=1, epoch=1, speed=100, incline=-5)
    assert event == json.decode(json.encode(event), type=events.Event)
    assert hash(rig.session) == hash(replace(rig.session))
