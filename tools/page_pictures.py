"""Pictures of the page, from real sessions on virtual treadmills: phone, tablet and wall."""

from __future__ import annotations

import asyncio
import contextlib
import io
import sys
import tempfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, Final

import structlog
from PIL import Image
from playwright.async_api import Browser

from backstride.domain.events import Ask
from backstride.domain.notices import CueKind
from backstride.domain.session import Phase
from backstride.mqtt.remote import Remote, RemoteSettings
from backstride.mqtt.schema import State

ROOT: Final = Path(__file__).resolve().parents[1]
# The tests' gym and their person at the page.
sys.path.append(str(ROOT / "tests" / "web" / "harness"))

from web_gym import Gym, open_browser  # noqa: E402  see above
from web_past import settle  # noqa: E402  see above
from web_walker import Walker  # noqa: E402

PHONE: Final = {"viewport": {"width": 390, "height": 844}, "device_scale_factor": 2}
TABLET: Final = {"viewport": {"width": 1024, "height": 768}, "device_scale_factor": 1}
WALL: Final = {"viewport": {"width": 1920, "height": 1080}, "device_scale_factor": 1}
SCREENS: Final = {"phone": PHONE, "tablet": TABLET, "wall": WALL}
LARGEST: Final = 200_000
"""Bytes; README should open at once."""
COLOURS: Final = 256
"""The page has few; more only keep the edges of its letters smooth."""
PROGRAM: Final = "easy-intervals"
STEP: Final = 7
"""Of this program: backward, in an interval, with some of the way behind."""
FAST: Final = 30.0
"""How much faster than life a session goes between two pictures."""
LINK_LOST_MS: Final = 600_000
OVER: Final = frozenset({Phase.FINISHED, Phase.FAULTED, Phase.IDLE, Phase.HANDED_OVER})


class Studio:
    """One gym, and screens that look at it."""

    def __init__(self, gym: Gym, browser: Browser, target: Path) -> None:
        self.gym = gym
        self._browser = browser
        self._target = target

    def remote(self) -> Remote:
        """Somebody who asks for things without a screen."""
        broker = self.gym.broker
        return Remote(RemoteSettings(host=broker.host, port=broker.port))

    @contextlib.asynccontextmanager
    async def screen(
        self, size: str, theme: str = "light", place: str = ""
    ) -> AsyncIterator[Walker]:
        """A screen with the page on it."""
        options: dict[str, Any] = SCREENS[size]
        context = await self._browser.new_context(
            **options, color_scheme=theme, locale="en-GB", reduced_motion="reduce"
        )
        walker = Walker(await context.new_page())
        await walker.open(f"{self.gym.url}?theme={theme}{place}")
        yield walker
        await context.close()

    async def take(self, walker: Walker, name: str) -> None:
        """Keep what a screen shows, in few colours."""
        await walker.page.evaluate("document.fonts.ready.then(() => 0)")
        # A picture of what is, not of what was a moment ago.
        await walker.page.wait_for_function("!document.querySelector('[data-stale=true]')")
        data = await walker.page.screenshot(animations="disabled")
        with Image.open(io.BytesIO(data)) as image:
            small = image.convert("RGB").quantize(COLOURS, kmeans=2, dither=Image.Dither.NONE)
        path = self._target / f"page-{name}.png"
        small.save(path, optimize=True)
        if path.stat().st_size > LARGEST:
            raise RuntimeError(f"{path} has {path.stat().st_size} bytes")

    async def until(self, remote: Remote, condition: Callable[[State], bool]) -> None:
        """Let the session go on, fast, until its state is such; somebody answers check-ins."""
        answered = 0
        self.gym.pace(FAST)
        while not condition(state := self.gym.state("home")):
            if state.phase in OVER:
                raise RuntimeError(f"the session ended too soon: {state.sentence}")
            cue = state.cue
            if cue is not None and cue.kind is CueKind.CHECK_IN and cue.number > answered:
                answered = cue.number
                self.gym.pace(1)
                await remote.send("home", Ask.PRESENT)
                self.gym.pace(FAST)
            await asyncio.sleep(0.02)
        self.gym.pace(1)


def is_waiting(state: State) -> bool:
    """It stands, and waits until the walker has turned."""
    return state.phase is Phase.TURNING and state.stage == "waiting for confirm"


def is_near_the_end_of(step: int, seconds: float) -> Callable[[State], bool]:
    """It has so many seconds of a step left."""

    def judge(state: State) -> bool:
        place = state.step
        if place is None or place.index < step:
            return False
        # A slow machine may have let it pass.
        return place.index > step or place.remaining < seconds

    return judge


async def take_session(studio: Studio) -> None:
    """A session on one treadmill, from the choice to an alarm."""
    gym, wall_view = studio.gym, "#/t/home/wall"
    async with (
        studio.screen("phone") as phone,
        studio.screen("phone", "dark") as phone_dark,
        studio.screen("tablet") as tablet,
        studio.screen("tablet", "dark") as tablet_dark,
        studio.screen("wall", "dark", wall_view) as wall,
        studio.remote() as remote,
    ):
        await phone.choose(PROGRAM)
        await tablet_dark.choose(PROGRAM)
        await studio.take(phone, "choose-phone")
        await studio.take(tablet_dark, "choose-tablet-dark")
        await phone.arm(PROGRAM)
        gym.pace(1)
        await phone.find("check-clip").check()
        await phone.find("check-rails").check()
        await studio.take(phone, "armed-phone")
        await phone.confirm()
        await studio.until(remote, is_waiting)
        await phone.sees("confirm")
        await studio.take(phone, "turn-phone")
        await studio.take(wall, "turn-wall")
        await phone.hold("confirm", until="countdown|starting|running")
        await studio.until(remote, is_near_the_end_of(STEP, 10))
        await studio.take(phone, "running-phone")
        await studio.take(wall, "running-wall")
        await studio.until(remote, is_near_the_end_of(STEP + 2, 10))
        await studio.take(tablet, "running-tablet")
        await studio.take(phone_dark, "running-phone-dark")
        gym.lose_link("home", LINK_LOST_MS)
        await phone.sees("alarm")
        await studio.take(phone, "alarm-phone")


BAYS: Final = {
    "bay-1": "ideal",
    "bay-2": "k12",
    "bay-3": "citysports",
    "bay-4": "ideal",
    "bay-5": "ideal",
    "bay-6": "kingsmith",
}


async def take_people(studio: Studio) -> None:
    """Who walks, what comes next, what was walked and how it was."""
    url = studio.gym.url
    async with (
        studio.screen("phone") as phone,
        studio.screen("tablet", "dark") as tablet,
        studio.screen("phone", "light", "#/t/home/history") as history,
    ):
        await history.sees("history-chart")
        await studio.take(history, "history-phone")
        await phone.find("who").select_option("jonas")
        await phone.find("effort", number="13").check()
        await studio.take(phone, "feedback-phone")
        await phone.find("who").select_option("kari")
        for screen in (phone, tablet):
            await screen.sees("today-plan", due="true")
        await studio.take(phone, "today-phone")
        await studio.take(tablet, "today-tablet-dark")
        await phone.page.goto(f"{url}?theme=light#/t/home/plan")
        await phone.sees("plan-week", stage="next")
        await studio.take(phone, "plan-phone")


async def take_gym(studio: Studio) -> None:
    """The overview of a gym in the middle of the afternoon."""
    gym = studio.gym
    async with (
        studio.screen("tablet", "light", "#/gym") as tablet,
        studio.screen("wall", "dark", "#/gym") as wall,
        studio.remote() as remote,
    ):
        for bay in BAYS:
            await wall.sees("card", treadmill=bay, phase="idle")
        for bay, program in (("bay-1", "demo"), ("bay-3", "first-steps"), ("bay-5", "demo")):
            await remote.send(bay, Ask.START, program)
            await remote.send(bay, Ask.CONFIRM)
        await wall.sees("card", treadmill="bay-5", phase="running")
        gym.lose_link("bay-5", LINK_LOST_MS)
        gym.pace(8)
        await wall.sees("card", treadmill="bay-1", phase="turning")
        while not is_waiting(gym.state("bay-1")):  # noqa: ASYNC110  another thread's
            await asyncio.sleep(0.02)
        await remote.send("bay-1", Ask.CONFIRM)
        await wall.sees("card", treadmill="bay-1", phase="running")
        gym.pace(1)
        await remote.send("bay-2", Ask.START, "easy-intervals")
        for screen in (tablet, wall):
            await screen.sees("card", treadmill="bay-2", phase="armed")
        await studio.take(tablet, "gym-tablet")
        await studio.take(wall, "gym-wall")


async def _take(target: Path) -> None:
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    async with open_browser() as browser:
        with tempfile.TemporaryDirectory() as directory:
            async with Gym(Path(directory), {"home": "ideal"}) as gym:
                await take_session(Studio(gym, browser, target))
        with tempfile.TemporaryDirectory() as directory:
            settle(Path(directory), "home")
            async with Gym(Path(directory), {"home": "ideal"}, pace=1) as gym:
                await take_people(Studio(gym, browser, target))
        with tempfile.TemporaryDirectory() as directory:
            async with Gym(Path(directory), BAYS, title="Gym, first floor") as gym:
                await take_gym(Studio(gym, browser, target))


def take_page(target: Path) -> None:
    """Make all pictures of the page in a directory."""
    asyncio.run(_take(target))


if __name__ == "__main__":
    take_page(Path(sys.argv[1]))
