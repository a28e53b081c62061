"""What a machine said while it was on trial, and the questions that the wizard asks of it."""

from __future__ import annotations

from typing import Final

from backstride.domain.events import MachineStatus, Status, Telemetry
from backstride.domain.units import Ms, Speed

NOTICED: Final[Speed] = 5
"""A change of speed that counts as one: less is the sensor's [CHOICE]."""
WORDS: Final[dict[Status, str]] = {
    Status.RESET: "status 01",
    Status.STOPPED_BY_USER: "status 02 01",
    Status.PAUSED_BY_USER: "status 02 02",
    Status.SAFETY_KEY: "status 03",
    Status.STARTED_BY_USER: "status 04",
    Status.TARGET_SPEED: "status 05",
    Status.TARGET_INCLINE: "status 06",
    Status.CONTROL_LOST: "status FF",
}
"""As the specification numbers them (FTMS 1.0, 4.17)."""


class Recording:
    """Every record and status of a trial. `since` is an instant in ms; what came at it counts."""

    def __init__(self) -> None:
        self._frames: list[Telemetry] = []
        self._statuses: list[MachineStatus] = []

    def add(self, event: Telemetry | MachineStatus) -> None:
        """Keep it."""
        if isinstance(event, Telemetry):
            self._frames.append(event)
        else:
            self._statuses.append(event)

    def frames(self, since: Ms) -> tuple[Telemetry, ...]:
        """The records since then."""
        return tuple(frame for frame in self._frames if frame.at >= since)

    def speeds(self, since: Ms) -> tuple[Speed, ...]:
        """The speeds since then."""
        return tuple(f.speed for f in self._frames if f.at >= since and f.speed is not None)

    def still(self, since: Ms) -> bool:
        """Two records in a row since then say zero, and they are the newest."""
        return self.speeds(since)[-2:] == (0, 0)

    def mean(self, since: Ms) -> Speed | None:
        """The mean speed since then."""
        speeds = self.speeds(since)
        return sum(speeds) // len(speeds) if speeds else None

    def slower(self, since: Ms, than: Speed | None) -> Ms | None:
        """How long after `since` a record showed less than that."""
        for frame in self.frames(since):
            if frame.speed is not None and than is not None and frame.speed < than - NOTICED:
                return frame.at - since
        return None

    def rest(self, since: Ms) -> Ms | None:
        """How long after `since` a record showed zero."""
        return next((frame.at - since for frame in self.frames(since) if frame.speed == 0), None)

    def word(self, since: Ms, *wanted: Status) -> str | None:
        """The first of these statuses since then, as the specification calls it."""
        for status in self._statuses:
            if status.at >= since and status.status in wanted:
                return WORDS[status.status]
        return None
