"""A gym behind the page: a broker with websockets, a daemon with virtual treadmills, the page's server.

The daemon runs in a thread, on a clock of its own that may go faster than the wall's; its pace can be
changed in the middle, and it can be frozen so that what the page shows can be compared at leisure. The
broker runs on the caller's loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final, Self

from playwright.async_api import Browser, async_playwright

from backstride.cli.page_server import PageServer
from backstride.cli.page_site import PageSettings, Site
from backstride.domain.machine import BeltStart
from backstride.domain.session import Options, Phase
from backstride.domain.units import Ms
from backstride.mqtt.broker import BrokerFiles, Mosquitto, free_port
from backstride.mqtt.schema import State
from backstride.service.controller import Controller
from backstride.service.settings import Broker, Config, Programs, Treadmill
from backstride.service.settings import Service as ServiceSettings
from backstride.service.supervisor import Service
from backstride.virtual.clock import AcceleratedLoop
from backstride.virtual.machine import Machine
from backstride.virtual.pump import Pump

COUNTDOWN_MS: Final = 3_000
START_S: Final = 30.0
CHROMIUMS: Final = ("chromium", "chromium-browser", "google-chrome")


class Login:
    """Who the daemon is at the broker, where the broker asks."""

    def __init__(self, user: str, password: Path, files: BrokerFiles) -> None:
        self.user = user
        self.password = password
        self.files = files


class Gym:
    """As an async context manager. `machines` names each treadmill's machine by its id.

    `pace` is how much faster than the wall's the daemon's clock runs, at most.
    """

    def __init__(
        self,
        directory: Path,
        machines: dict[str, str],
        *,
        pace: float = 4.0,
        programs: Path | None = None,
        login: Login | None = None,
        names: dict[str, str] | None = None,
        title: str = "Backstride",
    ) -> None:
        self.broker = Mosquitto(
            directory, websockets=free_port(), files=None if login is None else login.files
        )
        self.service: Service
        self.page: PageServer
        names = names or {}
        self._config = Config(
            broker=Broker(
                host="127.0.0.1",
                port=self.broker.port,
                user=None if login is None else login.user,
                password_file=None if login is None else str(login.password),
            ),
            service=ServiceSettings(state_directory=str(directory / "state")),
            programs=Programs(directory=None if programs is None else str(programs)),
            treadmills=tuple(
                Treadmill(
                    id=key, name=names.get(key, key), virtual=machine, belt_start=BeltStart.REMOTE
                )
                for key, machine in machines.items()
            ),
        )
        self._loop = AcceleratedLoop(pace)
        self._ready = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="gym")
        self._title = title
        self._stack = contextlib.AsyncExitStack()

    @property
    def url(self) -> str:
        """The page's address."""
        return f"http://127.0.0.1:{self.page.port}/"

    async def __aenter__(self) -> Self:
        await self._stack.enter_async_context(self.broker)
        self._thread.start()
        self._stack.push_async_callback(self._end)
        if not await asyncio.to_thread(self._ready.wait, START_S) or self._failure:
            raise RuntimeError(f"the gym did not open: {self._failure!r}")
        settings = PageSettings(
            broker=f"ws://127.0.0.1:{self.broker.websockets}", title=self._title
        )
        self.page = PageServer(Site(settings), "127.0.0.1", 0)
        self._stack.enter_context(self.page.serving())
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()
        if self._failure:
            raise RuntimeError("the gym failed") from self._failure

    def _run(self) -> None:
        async def main() -> None:
            self.service = Service(self._config, Options(countdown=COUNTDOWN_MS))
            running = asyncio.create_task(self.service.run())
            ready = asyncio.create_task(self.service.ready.wait())
            await asyncio.wait({running, ready}, return_when=asyncio.FIRST_COMPLETED)
            ready.cancel()
            self._ready.set()
            await running

        try:
            with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
                runner.run(main())
        except BaseException as error:  # noqa: BLE001  it is raised again in the caller's thread
            self._failure = error
            self._ready.set()

    async def _end(self) -> None:
        if self._thread.is_alive() and not self._failure:
            self.pace(50)
            self._loop.call_soon_threadsafe(self.service.end)
        await asyncio.to_thread(self._thread.join)

    # -- the daemon's clock --------------------------------------------------------------------

    def pace(self, factor: float) -> None:
        """Let the daemon's clock run this much faster than the wall's from now on."""
        self._loop._paced._factor = factor

    @contextlib.asynccontextmanager
    async def frozen(self) -> AsyncIterator[None]:
        """The daemon does nothing while the block lasts: nothing moves, nothing is said or answered."""
        stands, goes = threading.Event(), threading.Event()

        def stand() -> None:
            stands.set()
            goes.wait()

        self._loop.call_soon_threadsafe(stand)
        await asyncio.to_thread(stands.wait)
        try:
            yield
        finally:
            goes.set()

    def lose_link(self, treadmill: str, lasting: Ms) -> None:
        """Take a treadmill off the air."""

        def lose(machine: Machine, now: Ms) -> None:
            machine.drop_clients(now)
            machine.hide(now, lasting)

        self._loop.call_soon_threadsafe(self._pump(treadmill).act, lose)

    # -- the truth -----------------------------------------------------------------------------

    def controller(self, treadmill: str) -> Controller:
        """The session of a treadmill, as the daemon has it."""
        return next(c for c in self.service.controllers if c.view.treadmill == treadmill)

    def state(self, treadmill: str) -> State:
        """What the daemon would publish now, but for the time of day."""
        controller = self.controller(treadmill)
        return controller.view.state(controller.session, controller.session.now, "")

    def phase(self, treadmill: str) -> Phase:
        """Where the session is."""
        return self.controller(treadmill).session.phase

    def machine(self, treadmill: str) -> Machine:
        """The virtual treadmill, which knows the truth of its belt."""
        return self._pump(treadmill).machine

    def _pump(self, treadmill: str) -> Pump:
        pump = self.service.radios.pumps[treadmill]
        assert isinstance(pump, Pump)
        return pump


def find_chromium() -> str | None:
    """The browser of this machine."""
    return next((path for name in CHROMIUMS if (path := shutil.which(name))), None)


@contextlib.asynccontextmanager
async def open_browser() -> AsyncIterator[Browser]:
    """A headless Chromium that knows no host but this one."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=find_chromium(),
            args=[
                "--no-sandbox",
                "--disable-gpu",
                "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
            ],
        )
        try:
            yield browser
        finally:
            await browser.close()
