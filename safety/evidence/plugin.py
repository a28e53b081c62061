"""A plugin for pytest: each test's hazards go into the report, with every case of a parametrised test."""

from __future__ import annotations

import pytest

from safety.evidence.junit import HAZARDS


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Note the hazards that each test names, itself or by its class or file."""
    for item in items:
        named = {str(hazard) for mark in item.iter_markers("hazard") for hazard in mark.args}
        if named:
            item.user_properties.append((HAZARDS, " ".join(sorted(named))))
