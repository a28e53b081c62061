"""Everything that a cue can say, in English: the ids of the message catalogues.

A sentence of the core without numbers is its own id. What has numbers or names in it is a template here.
An alarm's sentence is for the log and the page; aloud it is one of a few words by its cause, and what
is done about it. The tests hold this list against the core and against each catalogue.
"""

from __future__ import annotations

from typing import Final

from backstride.domain.guidance import REMINDERS
from backstride.domain.notices import CueKind

CHANGES: Final[dict[CueKind, str]] = {
    CueKind.FASTER: "faster, {speed}",
    CueKind.SLOWER: "slower, {speed}",
    CueKind.STEADY: "keep, {speed}",
    CueKind.STEEPER: "steeper, {speed}",
    CueKind.FLATTER: "flatter, {speed}",
}
RAMP: Final = "then slowly to {speed}"
INCLINE: Final = "incline {incline}"
WITHIN: Final = "in {time}"
REACHED: Final = "at {speed}"
TURN: Final = "in {time} the belt stops, and you turn"
ENDING: Final = "in {time} the belt slows down and stops"
ARMED: Final = "{program}: {time}, at most {speed}, incline up to {incline}"
ARMED_FLAT: Final = "{program}: {time}, at most {speed}, flat"
STAND: Final = (
    "stand on the side rails, clip on your waistband, 2 m free behind the belt, and confirm"
)

SENTENCES: Final = (
    "holding this speed",
    "the start is called off; start again when all is well",
    "the belt moves: the arming is void",
    "paused; continue when you are ready",
    "the belt stops; then you turn to walk forward",
    "the belt stops; then you turn to walk backward",
    "the belt stands; turn to face the rear, hold the rails, then confirm",
    "the belt stands; turn to face the console, hold the rails, then confirm",
    "the belt stands; the session is over",
    "nobody went on; the session is over",
    "nobody confirmed; start again when you are ready",
    "press Start on the console now, then hold the rails",
    "the belt starts now; step on when ready",
    "well done; the belt slows down and stops",
    "pause: the belt slows down and stops",
    "the belt slows down and stops",
    "the service ends: the belt slows down and stops",
    "are you well? tap, or say so on the dashboard",
)
"""What the core says word for word."""

CAUSES: Final[dict[str, str]] = {
    "stale": "the treadmill is late with its news",
    "blind": "no news from the treadmill",
    "frozen": "the treadmill repeats old news",
    "overspeed": "the belt is too fast",
    "not_following": "the belt does not follow",
    "probe": "the belt does not do what it is told",
    "downhill": "the deck slopes down",
    "slope_changed": "the incline is not what it should be",
    "broker_lost": "the dashboard cannot see you",
    "clock": "the control was held up",
    "no_answer": "the treadmill does not answer",
    "refused": "the treadmill refuses to obey",
    "no_control": "the treadmill refuses to be controlled",
    "start_failed": "the belt did not start",
    "nobody_there": "nobody seems to be on the belt",
    "cue_not_heard": "nobody hears the cues, so the belt will not go faster",
    "link_lost": "the connection to the treadmill is lost",
    "stop_unconfirmed": "the stop is not confirmed",
    "restarted": "the service was restarted",
    "belt_moved": "the belt moved by itself",
    "console": "somebody used the console",
    "safety_key": "the safety key was pulled",
    "control_taken": "another device took control",
    "machine_changed": "another treadmill answers now",
    "shutdown": "the service ends",
    "heart_rate": "your heart beats fast",
    "heart_rate_lost": "the heart rate is missing",
}
ACTIONS: Final[dict[str, str]] = {
    "announce": "",
    "hold": "the speed is held",
    "slow_down": "the belt slows down and stops",
    "stop": "hold the rails, the belt stops now",
    "hand_over": "the belt is yours: hold the rails",
}

UNIT: Final = "unit"
"""The context of what the CLDR knows; nobody translates it."""
POINT: Final = "."
KMH: Final = "{0} km/h"
MPH: Final = "{0} mph"
PERCENT: Final = "{0} percent"
SECONDS: Final = ("{0} second", "{0} seconds")
MINUTES: Final = ("{0} minute", "{0} minutes")

MESSAGES: Final = frozenset(
    {
        *CHANGES.values(), *REMINDERS.values(), *SENTENCES, *CAUSES.values(), *ACTIONS.values(),
        RAMP, INCLINE, WITHIN, REACHED, TURN, ENDING, ARMED, ARMED_FLAT, STAND,
    }
    - {""}
)  # fmt: skip
"""All that is translated: beside the units a catalogue has these and no others."""
