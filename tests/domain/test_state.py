"""A new session knows nothing, commanded nothing, and owes nothing."""

from __future__ import annotations

from msgspec.structs import fields

from backstride.domain.evidence import Evidence
from backstride.domain.heart import Heart
from backstride.domain.limits import SiteRules
from backstride.domain.phases import Phase
from backstride.domain.state import Control, Cues, Drive, Guide, Options, Session, Then
from backstride.domain.workout import Facing


def test_a_new_session_begins_with_nothing_but_this():
    defaults = {
        f"{kind.__name__}.{field.name}": field.default
        for kind in (Session, Drive, Cues, Guide, Heart, Evidence)
        for field in fields(kind)
    }
    assert {
        "Session.site": SiteRules(),
        "Session.options": Options(),
        "Session.phase": Phase.OFFLINE,
        "Session.control": Control.NONE,
        "Session.evidence": Evidence(),
        "Session.heart": Heart(),
        "Session.drive": Drive(),
        "Session.facing": Facing.FORWARD,
        "Session.cues": Cues(),
        "Session.guide": Guide(),
        "Session.voice": True,
        "Session.then": Then.FINISH,
        "Cues.segment": -1,
        "Guide.beeped": (-1, 0),
        "Guide.ended": -1,
    } == {name: default for name, default in defaults.items() if default}
