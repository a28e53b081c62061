"""What pytest's own report says: tests by fate, and the hazards that they named."""

from __future__ import annotations

from collections import Counter
from xml.etree import ElementTree as ET

from msgspec import Struct

HAZARDS = "hazards"
"""The property in which `plugin` leaves a test's hazards."""


class Ran(Struct, frozen=True):
    """How a run of pytest went."""

    passed: int
    skipped: int
    failed: tuple[str, ...]
    proven: dict[str, int]
    """For each hazard how many tests that name it passed."""
    refuted: dict[str, int]
    """For each hazard how many did not."""


def read(xml: str) -> Ran:
    """Read the report.

    Raises:
        ElementTree.ParseError: it is none.
    """
    fates: Counter[str] = Counter()
    failed: list[str] = []
    proven: Counter[str] = Counter()
    refuted: Counter[str] = Counter()
    for case in ET.fromstring(xml).iter("testcase"):  # noqa: S314  our own pytest wrote it just now
        fate = _fate(case)
        fates[fate] += 1
        if fate == "failed":
            failed.append(f"{case.get('classname')}::{case.get('name')}")
        named = [
            hazard
            for each in case.iter("property")
            if each.get("name") == HAZARDS
            for hazard in (each.get("value") or "").split()
        ]
        if fate == "passed":
            proven.update(named)
        elif fate == "failed":
            refuted.update(named)
    return Ran(fates["passed"], fates["skipped"], tuple(failed), dict(proven), dict(refuted))


def _fate(case: ET.Element) -> str:
    if case.find("failure") is not None or case.find("error") is not None:
        return "failed"
    return "skipped" if case.find("skipped") is not None else "passed"
