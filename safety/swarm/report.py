"""What a run of the swarm says at its end."""

from __future__ import annotations

from collections import Counter

from safety.swarm.run import Tally


def report(tally: Tally, seconds: float) -> str:
    """The figures of a run that took so many seconds of the wall's time."""
    hours = tally.virtual / 3_600_000
    rate = tally.sessions / max(seconds, 0.001)
    lines = [
        f"sessions {tally.sessions}, simulated {hours:.1f} h, in {seconds:.1f} s: {rate:.0f} sessions/s",
        f"lives {tally.lives}, commands {tally.commands}, starts {tally.starts}, stops {tally.stops}",
        f"mishaps {sum(tally.mishaps.values())}: {_counts(tally.mishaps)}",
        f"sessions by how they stood when all was well again: {_counts(tally.endings)}",
        f"broken promises: {len(tally.failures)}",
    ]
    return "\n".join(lines)


def as_data(tally: Tally, seconds: float) -> dict[str, object]:
    """The same as data, for the evidence page."""
    return {
        "sessions": tally.sessions,
        "hours": round(tally.virtual / 3_600_000, 1),
        "seconds": round(seconds, 1),
        "lives": tally.lives,
        "starts": tally.starts,
        "stops": tally.stops,
        "mishaps": sum(tally.mishaps.values()),
        "kinds": len(tally.mishaps),
        "broken": sorted(failure.plan.seed for failure in tally.failures),
    }


def summarise(tally: Tally, seconds: float) -> str:
    """The same in one line."""
    return (
        f"{tally.sessions} sessions, {tally.virtual / 3_600_000:.2f} h, {tally.lives} lives,"
        f" {tally.starts} starts, {sum(tally.mishaps.values())} mishaps of {len(tally.mishaps)} kinds,"
        f" {tally.sessions / max(seconds, 0.001):.0f} sessions/s"
    )


def _counts(counter: Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counter.most_common())
