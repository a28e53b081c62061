"""What is asked before anybody walks backward, and what a "yes" leads to.

Pain or an injury of ankle, knee, hip or lower back: ask a professional first (the project's source
articles). Which answers make a walker cautious and which ask for a professional before anything else, and
how long answers are good for, is ours [CHOICE]. What is not answered, or was answered too long ago, is no
"no": it means the cautious limits. Nothing here says that walking backward is safe for anybody.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final, assert_never

from msgspec import Struct

from backstride.domain.units import MINUTE, Ms

DAY: Final[Ms] = 24 * 60 * MINUTE
VALID: Final[Ms] = 182 * DAY
"""Answers are asked for again after half a year [CHOICE]."""
ABSENCE: Final[Ms] = 56 * DAY
"""And when nobody walked for eight weeks: whatever kept the walker away is new [CHOICE]."""


class Question(StrEnum):
    """One thing that is asked."""

    ANKLE = "ankle"
    KNEE = "knee"
    HIP = "hip"
    BACK = "back"
    DIZZINESS = "dizziness"
    PREGNANCY = "pregnancy"
    HEART = "heart"


QUESTIONS: Final[dict[Question, str]] = {
    Question.ANKLE: "Do you have pain or an injury in an ankle or a foot?",
    Question.KNEE: "Do you have pain or an injury in a knee?",
    Question.HIP: "Do you have pain or an injury in a hip?",
    Question.BACK: "Do you have pain or an injury in the lower back?",
    Question.DIZZINESS: "Are you ever dizzy, unsteady on your feet, or have you fallen this year?",
    Question.PREGNANCY: "Are you pregnant?",
    Question.HEART: "Do you have a heart condition, or chest pain or breathlessness when you walk?",
}
"""The words in which it is asked, in the order in which it is asked."""

PROFESSIONAL_FIRST: Final = frozenset({Question.DIZZINESS, Question.PREGNANCY, Question.HEART})
"""A yes to one of these refuses until a professional has agreed; the others make cautious [CHOICE]."""

ADVICE: Final = (
    "Ask a doctor or a physiotherapist before you walk backward, and stop when something hurts."
)


class Clearance(StrEnum):
    """What the answers lead to, loosest first."""

    READY = "ready"
    """Nothing was said that asks for more care than everybody's."""
    CAUTIOUS = "cautious"
    """The cautious limits apply."""
    REFUSED = "refused"
    """Not before a professional has agreed."""


class Readiness(Struct, frozen=True, kw_only=True):
    """The answers of one day: all questions were asked, `yes` are those that were answered so.

    `answered` is ms since 1970. `agreed` says that a doctor or physiotherapist knows of the yes and agreed:
    then it makes cautious, never more than that.
    """

    answered: int
    yes: tuple[Question, ...] = ()
    agreed: bool = False


def is_current(readiness: Readiness | None, now: int, walked: int | None) -> bool:
    """Whether answers still count. `now` and `walked` (the last time, None: never) are ms since 1970."""
    if readiness is None or now - readiness.answered >= VALID:
        return False
    # Who answered after the absence has answered for it.
    since = readiness.answered if walked is None else max(walked, readiness.answered)
    return now - since < ABSENCE


def judge(readiness: Readiness | None, now: int, walked: int | None) -> Clearance:
    """What the answers lead to now. An old refusal stays one: time alone loosens nothing."""
    if readiness is not None and not readiness.agreed and PROFESSIONAL_FIRST & {*readiness.yes}:
        return Clearance.REFUSED
    if readiness is None or readiness.yes or not is_current(readiness, now, walked):
        return Clearance.CAUTIOUS
    return Clearance.READY


def explain(readiness: Readiness | None, now: int, walked: int | None) -> str:
    """The same for the walker's own eyes: a sentence with what was answered. Never for the broker."""
    named = "" if readiness is None else ", ".join(readiness.yes)
    match judge(readiness, now, walked):
        case Clearance.REFUSED:
            return f"You answered yes to: {named}. {ADVICE}"
        case Clearance.READY:
            return "No question was answered with yes."
        case Clearance.CAUTIOUS:
            if readiness is None:
                return "The readiness questions are not answered yet: until then the cautious limits apply."
            if not readiness.yes:
                return (
                    "The answers are too old: until they are given anew the cautious limits apply."
                )
            return f"You answered yes to: {named}. The cautious limits apply. {ADVICE}"
        case unknown:
            assert_never(unknown)
