"""A gym, a browser and the page between them."""

from __future__ import annotations

import asyncio

import pytest


@pytest.fixture
def in_a_thread():
    """Runs what blocks without stopping the loop."""
    return asyncio.to_thread
