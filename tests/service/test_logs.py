"""Each line of a treadmill says whose it is and, while a session lasts, which session's."""

from __future__ import annotations

import asyncio

import pytest
import structlog

from backstride.service.logs import add_session, name_session, speak_for


@pytest.fixture
def lines():
    """Logs as the daemon configures them, into a list."""
    found = []

    def keep(_, __, line):
        found.append(line)
        raise structlog.DropEvent

    structlog.configure(
        processors=[structlog.contextvars.merge_contextvars, add_session, keep],
        wrapper_class=structlog.BoundLogger,
    )
    yield found
    name_session("a", None)
    structlog.contextvars.clear_contextvars()


async def test_a_line_of_any_module_has_its_treadmill_and_the_session_of_the_moment(lines):
    log = structlog.get_logger("somewhere else")

    async def live(treadmill):
        speak_for(treadmill)
        log.info("before")
        name_session("a", "20261120-180000-a-b00t")
        await asyncio.create_task(tell())
        name_session("a", None)
        log.info("after")

    async def tell():
        log.info("within")

    await asyncio.create_task(live("a"))
    await asyncio.create_task(live("b"))
    assert [
        ("before", "a", None), ("within", "a", "20261120-180000-a-b00t"), ("after", "a", None),
        ("before", "b", None), ("within", "b", None), ("after", "b", None),
    ] == [(one["event"], one["treadmill"], one.get("session")) for one in lines]  # fmt: skip


async def test_a_treadmill_that_is_named_in_the_line_goes_before_that_of_the_task(lines):
    name_session("a", "s")
    speak_for("b")
    structlog.get_logger().info("x", treadmill="a")
    assert ("a", "s") == (lines[0]["treadmill"], lines[0]["session"])
