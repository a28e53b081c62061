"""Cues in five languages: nothing missing, nothing unused, and numbers that a voice reads as numbers."""

from __future__ import annotations

import ast
import itertools
import re
import subprocess
from gettext import GNUTranslations
from pathlib import Path

import pytest
from babel.messages.pofile import read_po
from babel.numbers import format_decimal
from babel.units import format_unit

from backstride import domain
from backstride.domain.failsafe import Action, Cause
from backstride.domain.guidance import REMINDERS
from backstride.domain.notices import Cue, CueKind, Technique
from backstride.domain.walker import Units
from backstride.service import phrases
from backstride.service.languages import Language, read_language
from backstride.service.words import CATALOGUES, DOMAIN, words

_FIELD = re.compile(r"\{\w+\}")


def cue(kind, text="what the core says", **known):
    return Cue(at=0, number=1, kind=kind, text=text, **known)


def catalogue(language):
    path = CATALOGUES / language / "LC_MESSAGES" / f"{DOMAIN}.po"
    with path.open("rb") as file:
        known = read_po(file, abort_invalid=True)
    return {m.id: m.string for m in known if m.id and m.context is None}


def spoken_by_the_core():
    """Each sentence that the core gives to `say()` word for word."""
    for path in Path(domain.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            said = isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "say"
            if said and isinstance(node.args[1], ast.Constant):
                yield node.args[1].value


def test_every_sentence_of_the_core_is_known_and_none_that_it_never_says():
    turns = {one for one in phrases.SENTENCES if "turn to" in one}
    assert len(turns) == 4
    assert set(spoken_by_the_core()) == set(phrases.SENTENCES) - turns


def test_every_cause_and_every_action_has_its_words():
    assert {cause.value for cause in Cause} == set(phrases.CAUSES)
    assert {action.name.lower() for action in Action} == set(phrases.ACTIONS)
    assert set(Technique) == set(REMINDERS)


@pytest.mark.parametrize("language", Language)
def test_a_catalogue_has_every_message_and_no_other(language):
    messages = catalogue(language)
    assert phrases.MESSAGES == set(messages)
    assert [] == [one for one, said in messages.items() if not said.strip()]


@pytest.mark.parametrize("language", Language)
def test_a_translation_has_the_fields_of_its_message(language):
    messages = catalogue(language)
    assert {one: sorted(_FIELD.findall(one)) for one in messages} == {
        one: sorted(_FIELD.findall(said)) for one, said in messages.items()
    }


@pytest.mark.parametrize("language", Language)
def test_what_is_compiled_is_what_was_translated(language):
    with (CATALOGUES / language / "LC_MESSAGES" / f"{DOMAIN}.mo").open("rb") as file:
        compiled = GNUTranslations(file)
    messages = catalogue(language)
    assert messages == {one: compiled.gettext(one) for one in messages}


@pytest.mark.parametrize("language", Language)
def test_numbers_and_units_are_those_of_the_cldr(language):
    """Whatever its edition: a newer Babel may know better, and then the catalogues are made anew."""

    def plain(text):
        return re.sub(r"\s", " ", text)

    for value in (100, 180, 225):
        number = format_decimal(value / 100, "0.0#", locale=language)
        said = words(language, Units.METRIC).render(cue(CueKind.REACHED, speed=value)).speech
        assert number in said
    for units, unit in ((Units.METRIC, "kilometer"), (Units.IMPERIAL, "mile")):
        shown = format_unit(1.8, f"{unit}-per-hour", "short", format="0.0", locale=language)
        speed = 180 if units is Units.METRIC else 290
        known = cue(CueKind.REACHED, "at 1.8 km/h", speed=speed)
        assert plain(shown) in words(language, units).render(known).text
    for seconds in (1, 2, 10):
        said = words(language, Units.METRIC).render(cue(CueKind.ENDING, within=seconds * 1_000))
        assert plain(format_unit(seconds, "duration-second", locale=language)) in said.speech


EVERY = [
    cue(CueKind.ARMED, speed=150, incline=20, length=360_000, note="First steps"),
    cue(CueKind.ARMED, speed=150, incline=0, length=360_000, note="First steps"),
    cue(CueKind.COUNTDOWN, "7", within=7_000),
    cue(CueKind.BEEP, "3", within=3_000),
    cue(CueKind.STEP_ON, "the belt starts now; step on when ready"),
    *(
        cue(kind, speed=120, ramp_to=180, incline=25, within=10_000, note="hands low")
        for kind in phrases.CHANGES
    ),
    cue(CueKind.SLOWER, speed=120, cause="heart_rate"),
    cue(CueKind.TURN, within=9_000),
    cue(CueKind.TURN, "the belt stops; then you turn to walk backward"),
    cue(CueKind.STOPPING, "the belt slows down and stops"),
    cue(CueKind.STOPPED, "paused; continue when you are ready"),
    cue(CueKind.HOLD, "holding this speed"),
    cue(CueKind.CHECK_IN, "are you well? tap, or say so on the dashboard"),
    cue(CueKind.ALARM, "the belt moves: the arming is void"),
    *(
        cue(CueKind.ALARM, cause=cause.value, action=action.name.lower())
        for cause, action in itertools.product(Cause, Action)
    ),
    cue(CueKind.FINISHED, "the belt stands; the session is over"),
    cue(CueKind.REACHED, speed=180),
    cue(CueKind.ENDING, within=10_000),
    *(cue(CueKind.TECHNIQUE, text, technique=technique) for technique, text in REMINDERS.items()),
]  # fmt: skip


def test_every_kind_of_cue_is_among_the_examples():
    assert set(CueKind) == {one.kind for one in EVERY}


@pytest.mark.parametrize("units", Units)
@pytest.mark.parametrize("language", Language)
def test_every_cue_is_rendered_in_every_language(language, units):
    english = words(Language.ENGLISH, Units.IMPERIAL)
    own = {"7", "3"}  # a digit is the same everywhere
    for one in EVERY:
        spoken = words(language, units).render(one)
        assert language is spoken.language
        assert bool(spoken.speech) is (one.kind is not CueKind.BEEP)
        assert "{" not in spoken.text + spoken.speech
        same = spoken.text == english.render(one).text
        assert same is (language is Language.ENGLISH and units is Units.IMPERIAL) or (
            language is Language.ENGLISH or spoken.text in own
        )


NEXT = cue(
    CueKind.FASTER, "faster, 1.8 km/h; in 10 seconds", speed=180, within=10_000,
)  # fmt: skip


@pytest.mark.parametrize(
    ("language", "units", "text", "speech"),
    [
        ("en", "km/h", "faster, 1.8 km/h; in 10 seconds", "faster, 1.8; in 10 seconds"),
        ("en", "mph", "faster, 1.1 mph; in 10 seconds", "faster, 1.1; in 10 seconds"),
        ("no", "km/h", "raskere, 1,8 km/t; om 10 sekunder", "raskere, 1,8; om 10 sekunder"),
        ("no", "mph", "raskere, 1,1 miles/t; om 10 sekunder", "raskere, 1,1; om 10 sekunder"),
        ("de", "km/h", "schneller, 1,8 km/h; in 10 Sekunden", "schneller, 1,8; in 10 Sekunden"),
        ("es", "km/h", "más rápido, 1,8 km/h; en 10 segundos", "más rápido, 1,8; en 10 segundos"),
        ("fr", "km/h", "plus vite, 1,8 km/h; dans 10 secondes", "plus vite, 1,8; dans 10 secondes"),
    ],
)
def test_a_change_is_shown_with_its_unit_and_said_without(language, units, text, speech):
    spoken = words(Language(language), Units(units)).render(NEXT)
    assert (text, speech) == (spoken.text, spoken.speech)


@pytest.mark.parametrize(
    ("language", "one", "many"),
    [
        ("en", "in 1 second", "in 2 seconds"),
        ("no", "om 1 sekund", "om 2 sekunder"),
        ("de", "in 1 Sekunde", "in 2 Sekunden"),
        ("es", "en 1 segundo", "en 2 segundos"),
        ("fr", "dans 1 seconde", "dans 2 secondes"),
    ],
)
def test_one_second_is_no_plural(language, one, many):
    said = [
        words(Language(language), Units.METRIC).render(
            cue(CueKind.STEADY, speed=100, within=within)
        )
        for within in (1_000, 2_000)
    ]
    assert [one, many] == [spoken.speech.rpartition("; ")[2] for spoken in said]


def test_without_time_to_go_nothing_is_said_of_it():
    said = words(Language.GERMAN, Units.METRIC).render(cue(CueKind.FASTER, speed=125, within=999))
    assert ("schneller, 1,25 km/h", "schneller, 1,25") == (said.text, said.speech)


@pytest.mark.parametrize(
    ("speed", "expected"), [(100, "0.6"), (160, "1.0"), (161, "1.0"), (322, "2.0"), (0, "0.0")]
)
def test_miles_are_rounded_to_a_tenth(speed, expected):
    said = words(Language.ENGLISH, Units.IMPERIAL).render(cue(CueKind.REACHED, speed=speed))
    assert (f"at {expected} mph", f"at {expected}") == (said.text, said.speech)


def test_a_sentence_that_no_catalogue_knows_is_said_in_english():
    said = words(Language.FRENCH, Units.METRIC).render(cue(CueKind.ALARM, cause="new", text="look"))
    assert ("look", "look") == (said.text, said.speech)


def test_a_language_that_we_do_not_speak_is_none():
    known = [read_language(code) for code in ("de", "xx", "", None)]
    assert [Language.GERMAN, None, None, None] == known


@pytest.mark.parametrize(
    ("language", "voice", "as_words"),
    [
        ("en", "en", "one point eight"),
        ("no", "nb", "en komma åtte"),
        ("de", "de", "eins Komma acht"),
        ("es", "es", "uno coma ocho"),
        ("fr", "fr", "un virgule huit"),
    ],
)
def test_a_voice_reads_the_number_as_one_would_say_it(language, voice, as_words):
    """By the phonemes of the voice itself; stress and pauses apart."""

    def phonemes(text):
        done = subprocess.run(
            ["espeak-ng", "-q", "-x", "-v", voice, text], capture_output=True, text=True, check=True
        )
        return re.sub(r"[^A-Za-z0-9@]", "", done.stdout)

    speech = words(Language(language), Units.METRIC).render(cue(CueKind.REACHED, speed=180)).speech
    assert phonemes(as_words) == phonemes(speech.rpartition(" ")[2])
