"""A swarm that finds nothing is suspect: with a defect in the product it must find it, and soon."""

from __future__ import annotations

import pytest

from backstride.domain import cues, following, recovery, stopping, supervision
from backstride.domain.commands import SetSpeed
from backstride.domain.events import HeartRate
from backstride.domain.evidence import Evidence
from backstride.domain.session import TABLE, Phase, Trigger
from backstride.service.claim import ClaimKeeper
from backstride.service.journal import FileJournal

SOON = 60
"""Sessions within which each of these was found, with some to spare."""


def still_after_one_zero(patch):
    patch.setattr(Evidence, "still", property(lambda evidence: evidence.zeros >= 1))


def rises_before_the_cue(patch):
    patch.setattr(cues, "may_rise", lambda _: True)


def steps_of_half_a_kilometre(patch):
    from backstride.domain import envelope

    for module, name in ((following, "CLIMB"), (envelope, "STEP_UP"), (envelope, "REACH")):
        patch.setattr(module, name, 60)
    patch.setattr(following, "PACE", 500)
    for module in (following, envelope):
        patch.setattr(module, "RISE", 1_000)


def starts_without_a_claim(patch):
    async def skip(_):
        return True

    patch.setattr(ClaimKeeper, "settle", skip)
    patch.setattr(FileJournal, "secure", skip)


def faults_end_with_the_link(patch):
    patch.setitem(TABLE[Phase.FAULTED], Trigger.LINK_DOWN, Phase.OFFLINE)


def forgets_the_belt_of_an_earlier_life(patch):
    from backstride.domain import intake

    patch.setattr(intake, "adopt", lambda *_: None)


def never_repeats_a_stop(patch):
    patch.setattr(stopping, "_stop_again", lambda _: False)


def does_not_mind_a_lost_broker(patch):
    patch.setattr(supervision, "_CHECKS", without(supervision._broker))


def does_not_mind_a_stall(patch):
    patch.setattr(supervision, "_CHECKS", without(supervision._clock))


def does_not_mind_the_heart(patch):
    patch.setattr(supervision, "_CHECKS", without(supervision.strain))


def takes_a_fast_heart_for_a_wish(patch):
    from backstride.domain import intake, step
    from backstride.domain.heart import hear

    def hasten(draft, event):
        if event.bpm > 150 and draft.s.phase is Phase.RUNNING:
            draft.drive(target=draft.s.drive.target + 10)
            draft.order(SetSpeed(draft.s.drive.target))
        return hear(draft.s.heart, event)

    def believe(draft, event):
        if isinstance(event, HeartRate):
            draft.set(heart=hasten(draft, event))
        else:
            intake.believe(draft, event)

    patch.setattr(step, "believe", believe)


def without(check):
    return {
        phase: tuple(each for each in checks if each is not check)
        for phase, checks in supervision._CHECKS.items()
    }


def goes_on_when_the_console_is_used(patch):
    from backstride.domain import console, outcomes, step

    for module in (console, outcomes, step):
        patch.setattr(module, "hand_over", lambda *_: None)


def owes_nothing_after_a_lost_link(patch):
    from backstride.domain import intake

    def link_down(draft, reason):
        recovery.link_down(draft, reason)
        draft.set(owed=False)

    patch.setattr(intake, "link_down", link_down)


DEFECTS = {
    still_after_one_zero: {"drop"},
    rises_before_the_cue: {"cues"},
    steps_of_half_a_kilometre: {"ask"},
    starts_without_a_claim: {"slow disk"},
    faults_end_with_the_link: {"disconnect"},
    forgets_the_belt_of_an_earlier_life: {"crash"},
    never_repeats_a_stop: {"refuse"},
    does_not_mind_a_lost_broker: {"broker", "cues"},
    does_not_mind_a_stall: {"stall", "sleep"},
    does_not_mind_the_heart: {"strap"},
    takes_a_fast_heart_for_a_wish: {"strap"},
    goes_on_when_the_console_is_used: {"console"},
    owes_nothing_after_a_lost_link: {"disconnect"},
}
"""Each with the kinds of mishap that it takes to find it quickly."""


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: defect.__name__)
def test_the_swarm_finds_a_product_that(defect, monkeypatch, record_property):
    from safety.swarm.draw import draw_plan
    from safety.swarm.run import play_plan

    defect(monkeypatch)
    for seed in range(SOON):
        plan = draw_plan(seed, frozenset(DEFECTS[defect]))
        complaints = play_plan(plan).complaints
        if complaints:
            record_property("figure", f"swarm finds {defect.__name__:36} {seed:3} {complaints[0]}")
            return
    pytest.fail(f"not found in {SOON} sessions")
