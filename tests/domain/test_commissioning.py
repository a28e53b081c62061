"""What findings unlock: nothing that is not proven."""

import pytest

from backstride.domain.commissioning import (
    COMMISSIONING_SPEED,
    FOR_REMOTE_START,
    FOR_SPEED,
    FOR_UNATTENDED,
    UNPROVEN,
    Check,
    Finding,
    OnLinkLoss,
    Proof,
    Sheet,
    Unlocked,
    unlock,
)
from backstride.domain.limits import Caps
from backstride.domain.machine import BeltStart, SpeedRange

LOCKED = Unlocked()
OPEN = Unlocked(
    belt_start=BeltStart.REMOTE, cap=None, unattended=True, on_link_loss=OnLinkLoss.STOPS
)


def findings(**others):
    """Everything proven but the named ones."""
    by_name = {name.replace("_", " "): proof for name, proof in others.items()}
    return tuple(Finding(check, by_name.get(check, Proof.PROVEN), "x") for check in Check)


@pytest.mark.hazard("H01", "H05")
def test_nothing_is_unlocked_by_nothing():
    assert unlock(()) == LOCKED
    assert (LOCKED.belt_start, LOCKED.cap, LOCKED.unattended) == (BeltStart.CONSOLE, 200, False)


def test_everything_proven_unlocks_everything():
    assert unlock(findings()) == OPEN


@pytest.mark.hazard("H01")
@pytest.mark.parametrize("proof", [Proof.FAILED, Proof.NOT_TESTED])
@pytest.mark.parametrize("check", list(Check))
def test_one_check_that_is_not_proven_locks_what_needs_it_and_no_more(check, proof):
    unlocked = unlock(findings(**{check.replace(" ", "_"): proof}))
    assert (unlocked.belt_start is BeltStart.REMOTE) is (check not in FOR_REMOTE_START)
    assert (unlocked.cap is None) is (check not in FOR_SPEED)
    assert unlocked.unattended is (check not in FOR_UNATTENDED)


@pytest.mark.parametrize("check", list(Check))
def test_a_check_that_is_missing_counts_as_not_tested(check):
    missing = tuple(f for f in findings() if f.check is not check)
    assert unlock(missing) == unlock(findings(**{check.replace(" ", "_"): Proof.NOT_TESTED}))


@pytest.mark.hazard("H09")
@pytest.mark.parametrize(
    ("proof", "expected"),
    [
        (Proof.PROVEN, OnLinkLoss.STOPS),
        (Proof.FAILED, OnLinkLoss.RUNS_ON),
        (Proof.NOT_TESTED, OnLinkLoss.UNKNOWN),
    ],
)
def test_what_the_belt_does_on_link_loss_is_named(proof, expected):
    assert unlock(findings(link_loss=proof)).on_link_loss is expected


@pytest.mark.hazard("H05")
@pytest.mark.parametrize(
    ("own", "expected"),
    [
        (None, (COMMISSIONING_SPEED, UNPROVEN)),
        (400, (COMMISSIONING_SPEED, UNPROVEN)),
        (200, (200, "own")),
        (150, (150, "own")),
    ],
)
def test_an_unproven_machine_is_slow_unless_it_is_configured_to_be_slower(own, expected):
    caps = LOCKED.caps(Caps(reason="own", speed=own, incline=20))
    assert (caps.speed, caps.reason) == expected
    assert caps.incline == 20


def test_a_proven_machine_has_the_caps_of_its_configuration():
    own = Caps(reason="own", speed=350, incline=20)
    assert OPEN.caps(own) == own


def test_a_sheet_says_what_it_unlocks_and_finds_its_checks():
    sheet = Sheet(
        machine="a",
        date="2026-11-20",
        who="b",
        address="c",
        name=None,
        fingerprint="d",
        speed=SpeedRange(80, 2000, 10),
        incline=None,
        findings=findings(stop=Proof.FAILED)[:9],
    )
    assert sheet.unlocked == LOCKED
    assert sheet.find(Check.STOP).proof is Proof.FAILED
    assert sheet.find(Check.OUT_OF_RANGE) == Finding(
        Check.OUT_OF_RANGE, Proof.NOT_TESTED, "not reached"
    )
