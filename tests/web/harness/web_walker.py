"""A person at the page: finds things by their test ids, presses, holds, reads."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final

from playwright.async_api import Locator, Page, expect

WAIT_MS: Final = 30_000
"""Longest wait for something on the page; a busy machine is slow."""
LET_GO: Final = "Hold a little longer"
"""What a button says that was not held: a page that a busy machine held up lets go of it by itself."""
HELD: Final = """
([phases, letGo]) =>
  new RegExp(phases).test(document.querySelector('[data-testid="treadmill"]')?.dataset.phase)
    ? "held"
    : document.querySelector(".hold-hint")?.innerText === letGo && "let go"
"""
type Press = Callable[[], Awaitable[None]]
CHECKS: Final = ("check-clip", "check-rails", "check-facing", "check-clear")


class Walker:
    """One page. `treadmill` is the one that is meant where several are shown."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def find(self, name: str, **data: str) -> Locator:
        """What has this test id, and these `data-` attributes."""
        more = "".join(f'[data-{key}="{value}"]' for key, value in data.items())
        return self.page.locator(f'[data-testid="{name}"]{more}')

    async def open(self, url: str) -> None:
        """Load the page and wait until it has drew for the first time."""
        await self.page.goto(url)
        await expect(self.page.locator('html[data-ready="true"]')).to_be_attached(timeout=WAIT_MS)

    async def sees(self, name: str, **data: str) -> None:
        """Wait until something is shown."""
        await expect(self.find(name, **data).first).to_be_visible(timeout=WAIT_MS)

    async def reads(self, name: str, text: str | re.Pattern[str]) -> None:
        """Wait until something shows a text."""
        await expect(self.find(name)).to_contain_text(text, timeout=WAIT_MS)

    async def phase(self, *phases: str, within: float = WAIT_MS) -> None:
        """Wait until the treadmill that is shown is in one of these phases."""
        pattern = re.compile(f"^({'|'.join(phases)})$")
        await expect(self.find("treadmill")).to_have_attribute(
            "data-phase", pattern, timeout=within
        )

    async def press(self, name: str, **data: str) -> None:
        """Press a button."""
        await self.find(name, **data).click(timeout=WAIT_MS)

    async def hold(self, name: str, until: str) -> None:
        """Keep a button pressed until the phase is `until`, or one that only follows it."""
        button = self.find(name)
        await expect(button).to_be_enabled(timeout=WAIT_MS)
        await button.scroll_into_view_if_needed()
        box = await button.bounding_box()
        assert box is not None
        await self.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        await self._keep(self.page.mouse.down, self.page.mouse.up, until)

    async def hold_key(self, key: str, until: str) -> None:
        """Keep a key pressed on what has the focus, in the same way."""
        keys = self.page.keyboard
        await self._keep(partial(keys.down, key), partial(keys.up, key), until)

    async def _keep(self, down: Press, up: Press, until: str) -> None:
        """Press, and again whenever the page let go by itself, until the phase is `until`."""
        ended = "let go"
        async with asyncio.timeout(WAIT_MS / 1_000):
            while ended == "let go":
                await down()
                try:
                    said = await self.page.wait_for_function(HELD, arg=[f"^({until})$", LET_GO])
                    ended = await said.json_value()
                finally:
                    await up()

    async def choose(self, program: str) -> None:
        """Choose a program, which on a narrow screen means to open their list first."""
        row = self.find("program", program=program)
        await expect(row).to_be_attached(timeout=WAIT_MS)
        if not await row.is_visible():
            await self.page.locator("button.more").click(timeout=WAIT_MS)
        await row.click(timeout=WAIT_MS)
        await expect(row).to_have_attribute("data-selected", "true", timeout=WAIT_MS)

    async def arm(self, program: str) -> None:
        """Choose a program and arm it."""
        await self.choose(program)
        await self.press("arm")
        await self.phase("armed")

    async def confirm(self) -> None:
        """Go through the checklist and hold to confirm."""
        for check in CHECKS:
            await self.find(check).check(timeout=WAIT_MS)
        await self.hold("confirm", until="countdown|starting|running")

    async def walk(self, program: str) -> None:
        """Choose, arm, confirm, and wait until the session runs."""
        await self.arm(program)
        await self.confirm()
        await self.phase("running")

    async def text(self, name: str) -> str:
        """What something shows now."""
        return (await self.find(name).inner_text(timeout=WAIT_MS)).strip()

    async def value(self, name: str) -> float | None:
        """The raw value of something that shows a number."""
        raw = await self.find(name).get_attribute("data-value", timeout=WAIT_MS)
        return float(raw) if raw else None
