"""From notifications to telemetry records: parts merged, duplicates dropped, an age per field.

Theory of operation
-------------------
A record may span several notifications: parts with More Data set, which carry no speed, then the
last one, which does. Parts are kept until the last arrives; they are given up when it does not
come within a second, when a new record visibly begins, or with the connection. What a record does
not carry stays None, never an old value: machines that alternate between disjoint sets of fields show
each field every other time, and `age()` says how old a field is.

Steps are the exception to the merging: some machines send them alone, after a record that is already
complete. They wait for the next record instead of being taken for the start of one.
"""

from __future__ import annotations

from typing import Final

from backstride.domain.events import Telemetry
from backstride.domain.units import SECOND, Ms
from backstride.ftms.frames import Frame, decode
from backstride.ftms.rejections import Flaw, Rejected, Tally

PARTIAL_LIFE: Final[Ms] = 1 * SECOND
"""Parts of one record follow each other at once; at 1 Hz a part older than this is of another."""
STEPS_LIFE: Final[Ms] = 3 * SECOND
"""How long steps that came alone may wait for a record: telemetry comes every 0.2 to 2 s, rarely 2.5."""
DUPLICATE: Final[Ms] = 20
"""The same bytes again within this time are one notification delivered twice: the quickest
machine on record repeats an unchanged one after 37 ms."""

_FIELDS: Final = ("speed", "incline", "distance", "elapsed", "energy", "heart_rate", "steps")


class Records:
    """The telemetry of one connection. Never raises, whatever arrives."""

    def __init__(self, epoch: int, tally: Tally) -> None:
        self._epoch = epoch
        self._tally = tally
        self._parts: dict[str, int] = {}
        self._parts_since: Ms = 0
        self._steps: tuple[int, Ms] | None = None
        self._seen: dict[str, Ms] = {}
        self._last: tuple[bytes, Ms] | None = None

    def take(self, raw: bytes, at: Ms) -> Telemetry | None:
        """Take one notification; the record it completes, or None."""
        last, self._last = self._last, (raw, at)
        if last is not None and last[0] == raw and at - last[1] < DUPLICATE:
            self._tally.add("data", Flaw.DUPLICATE, raw)
            return None
        frame = decode(raw)
        if isinstance(frame, Rejected):
            self._tally.add("data", frame.flaw, raw)
            return None
        if frame.cut:
            self._tally.add("data", Flaw.CUT, raw)
        fields = {name: value for name in _FIELDS if (value := getattr(frame, name)) is not None}
        self._forget_parts(frame, fields, raw, at)
        if frame.more:
            self._keep(fields, at)
            return None
        return self._complete(fields, at)

    def age(self, field: str, now: Ms) -> Ms | None:
        """How long ago a telemetry field was last carried; None: never on this connection."""
        seen = self._seen.get(field)
        return None if seen is None else now - seen

    def ages(self, now: Ms) -> dict[str, Ms]:
        """The age of every field that this connection has carried."""
        return {field: now - seen for field, seen in self._seen.items()}

    def _forget_parts(self, frame: Frame, fields: dict[str, int], raw: bytes, at: Ms) -> None:
        """Give up parts that cannot belong to this frame: too old, or it says the same again."""
        if not self._parts:
            return
        old = at - self._parts_since > PARTIAL_LIFE
        again = frame.more and not self._parts.keys().isdisjoint(fields)
        if old or again:
            self._tally.add("data", Flaw.ABANDONED, raw)
            self._parts = {}

    def _keep(self, fields: dict[str, int], at: Ms) -> None:
        if fields.keys() == {"steps"}:
            self._steps = (fields["steps"], at)
            return
        if not self._parts:
            self._parts_since = at
        self._parts |= fields

    def _complete(self, fields: dict[str, int], at: Ms) -> Telemetry:
        record = self._parts | fields
        self._parts = {}
        if self._steps is not None:
            steps, since = self._steps
            self._steps = None
            if at - since <= STEPS_LIFE:
                record.setdefault("steps", steps)
        if record.get("heart_rate") == 0:
            # No heart beats at zero: the machine has no sensor or nobody holds it.
            del record["heart_rate"]
        self._seen.update(dict.fromkeys(record, at))
        return Telemetry(at=at, epoch=self._epoch, **record)
