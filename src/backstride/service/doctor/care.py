"""What the daemon did for the treadmills' connections lately, as it recorded it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from backstride.service.carebook import Entry, read_steps
from backstride.service.config import Config, state_directory
from backstride.service.doctor.findings import Finding, Place, Subject, in_thread, note, ok

SHOWN: Final = 5
"""The newest steps of each treadmill."""
FRESH: Final = timedelta(days=1)
"""What was done since then may still be the matter."""
PAST: Final = timedelta(days=14)
"""What was done before is of no interest [CHOICE]."""
OFTEN: Final = 10
"""So many steps in a day are not bad luck any more [CHOICE]."""
_BLUETOOTH: Final = Subject.BLUETOOTH
_WORDS: Final = {
    "adopt": ("took", "take", "over the connection of {address}"),
    "close": ("ended", "end", "the connection of {address}"),
    "forget": ("let", "let", "BlueZ forget {address}"),
    "pair": ("paired", "pair", "with {address}"),
    "wake": ("switched", "switch", "the adapter {adapter} on"),
    "cycle": ("switched", "switch", "the adapter {adapter} off and on"),
}
"""What was done, what was not, and to what."""
_MOVE: Final = (
    "bring the adapter closer to the treadmill or away from USB 3 devices, or use another one"
)


async def check_care(place: Place, config: Config) -> list[Finding]:
    """What was done lately to keep the connections, and why?"""
    directories = {state_directory(config, place.environ), place.state}
    names = [(one.id, one.name) for one in config.treadmills if one.virtual is None]
    return await in_thread(lambda: _look(directories, names, datetime.now(UTC)))


def _look(directories: set[Path], names: list[tuple[str, str]], now: datetime) -> list[Finding]:
    found: list[Finding] = []
    for treadmill, who in names:
        steps = [entry for each in sorted(directories) for entry in read_steps(each / treadmill)]
        aged = sorted((_age(entry, now), n, entry) for n, entry in enumerate(steps))
        aged = [one for one in aged if one[0] <= PAST]
        found += [_show(who, entry, age) for age, _, entry in aged[:SHOWN]]
        today = sum(age <= FRESH and entry.step != "adopt" for age, _, entry in aged)
        if today >= OFTEN:
            what = f"{who}: its connection needed care {today} times in a day"
            found.append(note(_BLUETOOTH, what, _MOVE))
    return found


def _age(entry: Entry, now: datetime) -> timedelta:
    try:
        then = datetime.fromisoformat(entry.time)
    except ValueError:
        return timedelta.max
    return now - (then if then.tzinfo else then.replace(tzinfo=UTC))


def _show(who: str, entry: Entry, age: timedelta) -> Finding:
    did, do, what = _WORDS.get(entry.step, (entry.step, entry.step, "{address}"))
    what = what.format(address=entry.address or "the machine", adapter=entry.adapter or "")
    told = f"{did} {what}" if entry.error is None else f"could not {do} {what} ({entry.error})"
    what = f"{who}: {_ago(age)} the daemon {told}: {entry.reason}"
    judge = note if age <= FRESH and (entry.step != "adopt" or entry.error) else ok
    return judge(_BLUETOOTH, what)


def _ago(age: timedelta) -> str:
    seconds = max(int(age.total_seconds()), 0)
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= length:
            return f"{seconds // length} {unit} ago"
    return f"{seconds} s ago"
