"""Every code that an answer can carry, with what it means and what to do about it.

The codes themselves stand where they are given: in `decode.Code`, and in the session's own functions.
A test compares them with this table, so that none is missing here and none is invented.
"""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from backstride.domain.notices import Reply


class Advice(Struct, frozen=True):
    """What a code means, and what a dashboard or a person does about it; `remedy` may be empty."""

    code: str
    meaning: str
    remedy: str = ""


NOT_UNDERSTOOD: Final[tuple[Advice, ...]] = (
    Advice("too_large", "the payload is longer than any command", "send at most 4096 bytes"),
    Advice("not_text", "the payload is not UTF-8", "send UTF-8 text"),
    Advice("not_json", "the payload is no JSON object, or nested too deep", "send an object"),
    Advice("bad_version", "`v` is not a version that is known here", "send the one in `info`"),
    Advice(
        "bad_value", "a value is missing, of the wrong type or out of range", "read the sentence"
    ),
    Advice("unknown_key", "a key that no command has", "look for a misspelt key"),
    Advice("unknown_command", "no command has that name", "`info` lists the commands"),
)
"""Reply `error`: a mistake in the program that sent it; the sentence names it."""

NOT_OBEYED: Final[tuple[Advice, ...]] = (
    Advice("retained", "it was published with the retain flag", "publish without retain; clear the topic"),
    Advice("stale", "its `ts` is more than 10 s from our clock", "set the clock of the sender; send again"),
    Advice("unproven", "it can make the belt move or go faster, and may be old", "add `ts` and `boot`"),
    Advice("foreign_boot", "made for another life of the daemon", "take the `boot` of `info`; ask anew"),
    Advice("wrong_phase", "not in this phase, or not in the expected one", "look at `state`; decide anew"),
    Advice("unknown_program", "no program has that id", "take an id from `programs`"),
    Advice("no_walker", "nobody here has that id, or they may not walk now", "take an id from `walkers`"),
    Advice("no_plan", "the plan has no session now: for nobody, too soon, not here", "see `plan`"),
    Advice("pin", "a PIN is asked for: missing, wrong, or tried too often", "ask the walker; send `pin`"),
)  # fmt: skip
"""Reply `refused`, before the session has seen it."""

NOT_GRANTED: Final[tuple[Advice, ...]] = (
    Advice("nothing_to_confirm", "no start and no turn waits for a confirm", "start first"),
    Advice("too_late", "the confirm came after the 45 s", "start again"),
    Advice("not_paused", "there is no pause to continue from", "nothing to do"),
    Advice("no_program", "no program is named, selected or running", "name a program"),
    Advice("other_program", "another program is armed than the one confirmed", "start again"),
    Advice("bad_program", "the program has no steps, or one that takes no time", "mend its file"),
    Advice("locked", "a coach must unlock this program", "ask the coach"),
    Advice("level", "the program is above the walker's level", "walk the plan, or choose an easier one"),
    Advice("too_fast", "above a speed limit; the sentence names the limit", "ask for less"),
    Advice("too_slow", "below the machine's lowest speed", "ask for more, or pause"),
    Advice("too_steep", "above an incline limit", "choose a flatter program"),
    Advice("too_long", "more minutes backward than the limit", "choose a shorter program"),
    Advice("jump", "a step changes the speed by too much at once", "mend the program"),
    Advice("coarse", "the machine's speed steps are too large to ramp", "this machine cannot be used"),
    Advice("no_machine", "the treadmill has not introduced itself yet", "wait; see `connection`"),
    Advice("wrong_machine", "not the treadmill of the configuration", "check its address"),
    Advice("no_telemetry", "the treadmill reports no speed", "wake it up at its console, try again"),
    Advice("belt_moving", "the belt moves", "stop it first"),
    Advice("incline", "the deck is not level, or does not say", "bring it to 0 % at the console"),
    Advice("no_control", "the treadmill refuses to be controlled", "close other apps that hold it"),
    Advice("no_broker", "this program must be supervised, and the broker is gone", "wait for the broker"),
    Advice("recovering", "a belt left running by an earlier life is being judged", "try again in a moment"),
    Advice("shutting_down", "the service is going down", "wait until it is back"),
    Advice("not_still", "the belt is not proven still yet", "pull the clip if it moves; try again"),
    Advice("no_speed", "`speed` came without a speed", "send one in km/h"),
    Advice("no_value", "`voice` or `feedback` came without its value", "send one"),
    Advice("not_over", "feedback is about a session that is over", "send it again when it is"),
)  # fmt: skip
"""Reply `refused`, by the session: what it must know, or a limit."""

GRANTED: Final[tuple[Advice, ...]] = (
    Advice("armed", "the program is armed and stated; confirm within 45 s"),
    Advice("countdown", "the belt starts in a few seconds"),
    Advice("pausing", "the belt slows down and stops; the place is kept"),
    Advice("paused", "it was paused already"),
    Advice("skipped", "on to the next step"),
    Advice("adjusted", "the setpoint has changed; the belt follows slowly"),
    Advice("cooldown", "the cool-down has begun"),
    Advice("slowing", "the belt slows down and stops"),
    Advice("finished", "the session is over"),
    Advice("stopping", "Stop is sent"),
    Advice("queued", "no connection: Stop is sent as soon as it is back. Use the safety clip"),
    Advice("stop", "several stops came at once and were taken as one"),
    Advice("acknowledged", "the end or the fault was seen"),
    Advice("selected", "`start` will arm this program"),
    Advice("walker", "whose limits and plan hold was settled"),
    Advice("thanks", "the check-in is answered"),
    Advice("voice_on", "cues are said aloud"),
    Advice("voice_off", "cues are shown; only alarms are said"),
    Advice("noted", "effort and pain are kept with the last session"),
)
"""Reply `ok`."""

CODES: Final[tuple[tuple[Reply, str, tuple[Advice, ...]], ...]] = (
    (Reply.REFUSED, "Refused by the session", NOT_GRANTED),
    (Reply.REFUSED, "Refused on its way in", NOT_OBEYED),
    (Reply.ERROR, "Not understood", NOT_UNDERSTOOD),
    (Reply.OK, "Granted", GRANTED),
)
"""All of them, in the order in which a person meets them."""
