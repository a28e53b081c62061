"""Cues on their way out: in the walker's language and units, else in the site's."""

from __future__ import annotations

import pytest

from backstride.domain.notices import URGENCY, Cue, CueKind
from backstride.domain.session import Session
from backstride.domain.walker import Units, Walker
from backstride.service.languages import Language
from backstride.service.settings import Guidance
from backstride.service.view import View

TIME = "2026-11-20T14:00:00.000Z"
NEXT = Cue(
    at=0,
    number=7,
    kind=CueKind.SLOWER,
    text="slower, 1.6 km/h; in 10 seconds",
    speed=160,
    within=10_000,
)
GERMAN = Guidance(language=Language.GERMAN)


def walked_by(**known):
    return Session(person=Walker(id="a", name="A", **known) if known else None)


@pytest.mark.parametrize(
    ("site", "person", "language", "text"),
    [
        (Guidance(), {}, "en", "slower, 1.6 km/h; in 10 seconds"),
        (GERMAN, {}, "de", "langsamer, 1,6 km/h; in 10 Sekunden"),
        (GERMAN, {"level": "beginner"}, "de", "langsamer, 1,6 km/h; in 10 Sekunden"),
        (GERMAN, {"language": "fr"}, "fr", "moins vite, 1,6 km/h; dans 10 secondes"),
        (GERMAN, {"language": "xx"}, "de", "langsamer, 1,6 km/h; in 10 Sekunden"),
        (GERMAN, {"units": Units.IMPERIAL}, "de", "langsamer, 1,0 mi/h; in 10 Sekunden"),
        (Guidance(units=Units.IMPERIAL), {}, "en", "slower, 1.0 mph; in 10 seconds"),
    ],
)
def test_a_cue_is_said_to_whoever_walks(site, person, language, text):
    view = View("home", "boot", site)
    view.follow(Session(), walked_by(**person))
    note = view.cue(NEXT, TIME)
    assert (language, text) == (note.language, note.text)
    assert (1.6, 10.0, URGENCY[CueKind.SLOWER]) == (note.speed, note.within, note.urgency)


def test_the_state_shows_the_newest_cue_in_its_language_and_no_beep():
    view = View("home", "boot", GERMAN)
    view.note(NEXT)
    view.note(Cue(at=0, number=8, kind=CueKind.BEEP, text="3", within=3_000))
    shown = view.state(Session(), 0, TIME).cue
    assert (7, "langsamer, 1,6 km/h; in 10 Sekunden", "de") == (
        shown.number, shown.text, shown.language,
    )  # fmt: skip


def test_a_beep_has_no_words():
    view = View("home", "boot", GERMAN)
    note = view.cue(Cue(at=0, number=8, kind=CueKind.BEEP, text="3", within=3_000), TIME)
    assert ("3", "") == (note.text, note.speech)
