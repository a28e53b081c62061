"""The swarm is not part of the product: it is imported from the repository's root."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
if str(ROOT) not in sys.path:
    sys.path.append(str(ROOT))


@pytest.fixture(autouse=True)
def _quiet():
    """Provoked alarms help nobody; the configuration ends with the test."""
    import logging

    import structlog

    from safety.swarm.run import hush

    level = logging.getLogger("asyncio").level
    hush()
    yield
    structlog.reset_defaults()
    logging.getLogger("asyncio").setLevel(level)


@pytest.fixture(scope="session")
def root():
    return ROOT
