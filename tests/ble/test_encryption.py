"""A link that is up and takes no commands is useless: a new one must be tried, for the belt may move."""

from __future__ import annotations

import asyncio

import pytest

from backstride.domain.events import LinkUp
from backstride.virtual.log import STOP

ENCRYPTED = {"clients": 2, "encrypted": True}


@pytest.mark.hazard("H09")
@pytest.mark.hazard("H09", "H24")
def test_a_stop_gets_through_soon_after_the_machine_encrypts_again(play_cell):
    async def story(rig):
        ups = []
        rig.stage.controller.watchers.append(
            lambda event, _: ups.append(event) if isinstance(event, LinkUp) else None
        )
        await rig.reach("running")
        rig.refuse_pairing()
        await rig.lose_link(1)
        await asyncio.sleep(15)
        refused, at = len(ups), rig.now
        stops_before = [w for w in rig.log.writes if w.data == STOP and w.att_error is None]
        rig.allow_pairing()
        await rig.stage.until(lambda s: s.linked and not s.owed, 30_000)
        stop = next(w for w in rig.log.writes if w.data == STOP and w.att_error is None)
        return refused, stops_before, stop.at - at, rig.belt

    (refused, before, after, belt), _ = play_cell(story, link=ENCRYPTED)
    assert refused > 3, "each link that took nothing was given up for a new one"
    assert before == []
    assert after <= 5_000
    assert belt == 0


@pytest.mark.hazard("H01")
@pytest.mark.hazard("H01")
def test_a_machine_that_never_encrypts_never_starts(play_cell):
    async def story(rig):
        rig.refuse_pairing()
        await rig.reach("armed")
        await rig.stage.confirm()
        await asyncio.sleep(60)
        return rig.log.opcodes, rig.session.phase

    (opcodes, phase), _ = play_cell(story, link=ENCRYPTED)
    assert opcodes == []
    assert phase in {"idle", "offline", "faulted"}
