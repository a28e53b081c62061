"""What is done about a connection that fails, over every history that chance thinks of."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from backstride.ftms.healing import (
    DOUBTED,
    HARD,
    HOUR,
    KEYLESS,
    LAST_RESORT,
    PACES,
    STUCK,
    Decision,
    Fault,
    History,
    Scene,
    Step,
    decide,
    due,
    note_fault,
    note_proven,
    note_step,
    note_taken,
)

QUIET = Scene(moving=False, at_rest=True, known=True, powered=True)
MOVING = replace(QUIET, moving=True, at_rest=False)
SCENES = st.builds(
    Scene,
    moving=st.booleans(),
    at_rest=st.booleans(),
    known=st.booleans(),
    connected=st.booleans(),
    paired=st.booleans(),
    powered=st.sampled_from([True, False, None]),
    others=st.integers(0, 2),
    ours_off=st.booleans(),
)
FAULTS = st.sampled_from(Fault)
DAY = 24 * HOUR


class Healer:
    """Follows the policy as the care of a treadmill does, and keeps what it did."""

    def __init__(self):
        self.history = History()
        self.cycled = {}
        self.now = 0
        self.taken = []

    def fail(self, fault, scene, *, after=100):
        self.now += after
        self.history = note_fault(self.history, fault)
        decision = decide(self.history, scene, self.now, self.cycled)
        if decision.step is Step.RETRY:
            return decision
        self.taken.append((self.now, decision.step, fault, scene))
        if decision.step in {Step.CYCLE, Step.WAKE}:
            self.cycled = note_step(self.cycled, decision.step, self.now)
        else:
            self.history = note_taken(self.history, decision.step, self.now)
        return decision

    def steps(self, fault, scene, count, *, after=100):
        return [self.fail(fault, scene, after=after).step for _ in range(count)]


STORIES = st.lists(
    st.one_of(
        st.tuples(FAULTS, SCENES, st.integers(1, 3 * HOUR)),
        st.tuples(FAULTS, SCENES, st.just(100)),
        st.none(),
    ),
    max_size=40,
)


def play(story):
    healer = Healer()
    for event in story:
        if event is None:
            healer.history = note_proven(healer.history)
        else:
            fault, scene, after = event
            healer.fail(fault, scene, after=after)
    return healer


@pytest.mark.hazard("H09")
@given(STORIES)
@settings(max_examples=80, derandomize=True, deadline=None)
def test_the_adapter_is_never_switched_off_while_a_belt_may_move_or_another_device_needs_it(story):
    for _, step, _, scene in play(story).taken:
        if step is Step.CYCLE:
            assert scene.at_rest
            assert not scene.moving
            assert scene.others == 0
            assert scene.powered is True


EVERYWHERE = [
    Scene(moving=moving, at_rest=at_rest, known=True, powered=powered, others=others)
    for moving, at_rest, powered, others in itertools.product(
        [False, True], [False, True], [True, False, None], [0, 1]
    )
]


@pytest.mark.hazard("H09")
@pytest.mark.parametrize("fault", Fault)
def test_whatever_fails_for_however_long_only_an_adapter_that_nobody_needs_is_switched_off(fault):
    cycled = [scene for scene in EVERYWHERE if Step.CYCLE in Healer().steps(fault, scene, 3 * HARD)]
    # Who is not heard may just be away.
    assert [] == [scene for scene in cycled if scene != QUIET]
    assert (fault is Fault.UNHEARD) == (cycled == [])


@given(STORIES)
@settings(max_examples=80, derandomize=True, deadline=None)
def test_every_step_keeps_its_pause_whatever_happens_between(story):
    taken = play(story).taken
    for step, pace in PACES.items():
        times = [at for at, what, *_ in taken if what is step]
        assert [] == [(a, b) for a, b in itertools.pairwise(times) if b - a < pace.first]


@given(STORIES)
@settings(max_examples=80, derandomize=True, deadline=None)
def test_a_key_is_thrown_away_only_when_the_machine_refuses_it(story):
    for _, step, fault, scene in play(story).taken:
        if step is Step.FORGET and scene.paired:
            assert fault in {Fault.REFUSED, Fault.UNREACHED}


@pytest.mark.hazard("H09")
@given(STORIES)
@settings(max_examples=80, derandomize=True, deadline=None)
def test_a_machine_that_is_not_heard_is_never_healed_but_of_a_connection_that_hides_it(story):
    for _, step, fault, scene in play(story).taken:
        if fault is Fault.UNHEARD:
            assert step in {Step.CLOSE, Step.FORGET}
            assert scene.connected


@given(FAULTS, SCENES, st.integers(100, 60_000))
@settings(max_examples=25, derandomize=True, deadline=None)
def test_the_steps_of_a_day_of_failures_are_few(fault, scene, pause):
    healer = Healer()
    while healer.now < DAY:
        healer.fail(fault, scene, after=max(pause, DAY // 2_000))
    count = dict.fromkeys(PACES, 0)
    for _, step, *_ in healer.taken:
        count[step] += 1
    for step, pace in PACES.items():
        assert count[step] <= DAY // pace.longest + 20, step


def test_a_connection_that_an_earlier_life_left_behind_is_ended_at_once():
    assert Step.CLOSE is Healer().fail(Fault.UNHEARD, replace(MOVING, connected=True)).step


def test_a_ghost_is_ended_and_the_machine_forgotten_when_that_does_not_end_it():
    held = replace(QUIET, connected=True)
    assert [Step.CLOSE, Step.FORGET, Step.RETRY] == Healer().steps(Fault.GHOST, held, 3)
    unheard = Healer()
    assert [Step.CLOSE, Step.FORGET] == unheard.steps(Fault.UNHEARD, held, 2, after=20_000)
    kept = replace(held, paired=True)
    assert [Step.CLOSE] * 2 == Healer().steps(Fault.UNHEARD, kept, 2, after=20_000)


def test_while_the_belt_may_move_a_retry_comes_before_the_machine_is_forgotten():
    assert [Step.RETRY, Step.FORGET] == Healer().steps(Fault.MUTE, MOVING, DOUBTED)
    assert Step.FORGET is Healer().fail(Fault.MUTE, QUIET).step


def test_a_paired_machine_keeps_its_key_when_it_is_mute():
    assert [Step.RETRY] * 4 == Healer().steps(Fault.MUTE, replace(QUIET, paired=True), 4)


def test_a_paired_machine_that_ends_each_connection_has_lost_its_key():
    kept, lost = [Step.RETRY] * (KEYLESS - 1), [Step.FORGET]
    assert kept + lost == Healer().steps(Fault.UNREACHED, replace(QUIET, paired=True), KEYLESS)


def test_a_key_that_a_stop_may_need_is_kept_for_long():
    kept, lost = [Step.RETRY] * (LAST_RESORT - 1), [Step.FORGET]
    moving = replace(MOVING, paired=True)
    assert kept + lost == Healer().steps(Fault.UNREACHED, moving, LAST_RESORT)


def test_a_machine_that_demands_encryption_is_paired_with():
    assert Step.PAIR is Healer().fail(Fault.REFUSED, MOVING).step
    assert Step.FORGET is Healer().fail(Fault.REFUSED, replace(MOVING, paired=True)).step
    assert Step.RETRY is Healer().fail(Fault.REFUSED, replace(MOVING, known=False)).step


def test_an_adapter_that_does_nothing_is_switched_off_and_on_once_in_ten_minutes_and_then_more_rarely():
    healer = Healer()
    assert [Step.RETRY] * (STUCK - 1) + [Step.CYCLE] == healer.steps(Fault.RADIO, QUIET, STUCK)
    while healer.now < DAY:
        healer.fail(Fault.RADIO, QUIET, after=60_000)
    cycles = [at for at, step, *_ in healer.taken if step is Step.CYCLE]
    gaps = [(b - a) // 60_000 for a, b in itertools.pairwise(cycles)]
    assert [10, 20, 40, 80, 160, 320, 360, 360] == gaps


def test_an_adapter_that_fails_a_present_machine_is_doubted_only_after_gentler_steps():
    healer = Healer()
    steps = healer.steps(Fault.UNREACHED, QUIET, HARD)
    assert [Step.RETRY, Step.FORGET, *[Step.RETRY] * (HARD - 3), Step.CYCLE] == steps


def test_an_adapter_that_somebody_switched_off_stays_off_unless_a_belt_may_move():
    off = replace(QUIET, powered=False)
    assert [Step.RETRY] * 5 == Healer().steps(Fault.RADIO, off, 5)
    assert Step.WAKE is Healer().fail(Fault.RADIO, replace(off, moving=True)).step
    assert Step.WAKE is Healer().fail(Fault.RADIO, replace(off, ours_off=True)).step


def test_pauses_double_up_to_their_longest_and_begin_anew_after_a_long_rest():
    tried, pauses, now = {}, [], 0
    for _ in range(5):
        tried = note_step(tried, Step.CLOSE, now)
        pauses.append((due(tried, Step.CLOSE) or 0) - now)
        now += 60_000
    assert [2_000, 4_000, 8_000, 16_000, 32_000] == pauses
    tried = note_step(tried, Step.CLOSE, now + HOUR)
    assert now + HOUR + 2_000 == due(tried, Step.CLOSE)
    assert due({}, Step.CLOSE) is None


def test_a_proven_connection_starts_the_count_anew():
    healer = Healer()
    assert Decision(Step.RETRY, "the next attempt may do") == healer.fail(Fault.UNHEARD, QUIET)
    healer.steps(Fault.MUTE, MOVING, 1)
    healer.history = note_proven(healer.history)
    assert Step.RETRY is healer.fail(Fault.MUTE, MOVING).step


def test_a_fault_of_the_adapter_is_not_counted_as_one_of_the_machine():
    healer = Healer()
    healer.steps(Fault.RADIO, replace(QUIET, powered=None), 9)
    assert Step.RETRY is healer.fail(Fault.UNREACHED, QUIET).step


def test_a_service_list_without_a_treadmill_is_asked_for_anew():
    assert Step.FORGET is Healer().fail(Fault.FOREIGN, QUIET).step
