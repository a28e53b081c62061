"""A private broker on loopback, for the demo, the benchmark and the tests.

`Mosquitto` runs the system's mosquitto as a child with a configuration of its own and ends it by
its process id. `InProcessBroker` is amqtt, MQTT 3.1.1 only, for a demo where no mosquitto is
installed. Neither is for production.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import socket
from collections import deque
from pathlib import Path
from typing import Any, Final, Self

from msgspec import Struct

from backstride.domain.errors import BackstrideError

HOST: Final = "127.0.0.1"
_START_S: Final = 10.0
"""mosquitto is up in some 20 ms; a busy machine may need longer."""
_STOP_TRIES: Final = 20
_STOP_PAUSE_S: Final = 0.1
_LOG_LINES: Final = 500


class BrokerError(BackstrideError):
    """A private broker could not be started."""


class BrokerFiles(Struct, frozen=True, kw_only=True):
    """Files for access control and TLS; None switches each off.

    With `require_certificate` the client's certificate names the user.
    """

    passwords: Path | None = None
    acl: Path | None = None
    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    require_certificate: bool = False


def find_mosquitto() -> str | None:
    """Find the broker's program, also where a user's PATH does not look."""
    path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"])
    return shutil.which("mosquitto", path=path)


def free_port() -> int:
    """Find a port on loopback that nobody uses now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


class Mosquitto:
    """One mosquitto on loopback; can be killed, suspended and started again on the same port.

    Args:
        directory: where its configuration goes; must exist.
        port: None finds a free one.
        files: passwords, ACL and TLS; without passwords or certificates anybody may connect.
        websockets: a second port for MQTT over websockets, None for none.
        extra: further lines of configuration.

    Attributes:
        log: its newest lines.
    """

    def __init__(
        self,
        directory: Path,
        *,
        port: int | None = None,
        files: BrokerFiles | None = None,
        websockets: int | None = None,
        extra: tuple[str, ...] = (),
    ) -> None:
        self.host = HOST
        self.port = port or free_port()
        self.websockets = websockets
        self.log: deque[str] = deque(maxlen=_LOG_LINES)
        self._directory = directory
        self._files = files or BrokerFiles()
        self._extra = extra
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task[None] | None = None
        self._running = asyncio.Event()
        self._changed = asyncio.Event()

    @property
    def pid(self) -> int:
        """The process id of the running broker."""
        if self._process is None:
            raise BrokerError("the private broker is not running; start it first")
        return self._process.pid

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> None:
        """Start it and return when it accepts connections.

        Raises:
            BrokerError: no mosquitto on this machine, or it ended at once.
        """
        program = find_mosquitto()
        if program is None:
            raise BrokerError("mosquitto is not installed; `apt install mosquitto` brings it")
        path = self._directory / f"mosquitto-{self.port}.conf"
        path.write_text("\n".join(self._configuration()) + "\n", encoding="utf-8")
        self._running.clear()
        self._process = await asyncio.create_subprocess_exec(
            program,
            "-c",
            str(path),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        self._reader = asyncio.create_task(self._read(self._process))
        running = asyncio.create_task(self._running.wait())
        try:
            async with asyncio.timeout(_START_S):
                await asyncio.wait((running, self._reader), return_when=asyncio.FIRST_COMPLETED)
        except TimeoutError:
            await self.kill()
        except asyncio.CancelledError:
            await self.kill()
            raise
        finally:
            running.cancel()
        if not self._running.is_set():
            await self.stop()
            raise BrokerError(f"mosquitto did not start: {' | '.join(list(self.log)[-5:])}")

    async def stop(self) -> None:
        """End it as its service manager would, and wait until it is gone."""
        await self._end(signal.SIGTERM)

    async def kill(self) -> None:
        """End it without notice, and wait until it is gone."""
        await self._end(signal.SIGKILL)

    def suspend(self) -> None:
        """Freeze it: connections stay open and nothing answers."""
        os.kill(self.pid, signal.SIGSTOP)

    def proceed(self) -> None:
        """Let a suspended broker go on."""
        os.kill(self.pid, signal.SIGCONT)

    async def changed(self) -> None:
        """Wait for the next line of its log."""
        self._changed.clear()
        await self._changed.wait()

    async def logged(self, text: str) -> None:
        """Wait until a line of its log has this text."""
        while not any(text in line for line in self.log):
            await self.changed()

    async def _end(self, how: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        # mosquitto forgets a SIGTERM that comes in the instant after it said that it runs: ask again.
        for signal_ in (how,) * _STOP_TRIES + (signal.SIGKILL,):
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    process.send_signal(signal_)
                    process.send_signal(signal.SIGCONT)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_STOP_PAUSE_S):
                    await process.wait()
                    break
        await process.wait()
        if self._reader is not None:
            await self._reader

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        if process.stdout is None:
            return
        async for line in process.stdout:
            text = line.decode("utf-8", "replace").rstrip()
            self.log.append(text)
            self._changed.set()
            if text.endswith(" running"):
                self._running.set()

    def _configuration(self) -> list[str]:
        files = self._files
        anonymous = files.passwords is None and not files.require_certificate
        lines = [
            # As root it would become a user who may not read these files.
            "user root",
            "persistence false",
            "log_dest stderr",
            "log_type error",
            "log_type warning",
            "log_type notice",
            "log_type information",
            "set_tcp_nodelay true",
            f"allow_anonymous {str(anonymous).lower()}",
        ]
        if files.passwords is not None:
            lines.append(f"password_file {files.passwords}")
        if files.acl is not None:
            lines.append(f"acl_file {files.acl}")
        lines += self._extra
        lines.append(f"listener {self.port} {HOST}")
        if files.certificate is not None:
            lines += [f"certfile {files.certificate}", f"keyfile {files.key}"]
            if files.ca is not None:
                lines.append(f"cafile {files.ca}")
            if files.require_certificate:
                lines += ["require_certificate true", "use_identity_as_username true"]
        if self.websockets is not None:
            lines += [f"listener {self.websockets} {HOST}", "protocol websockets"]
        return lines


class InProcessBroker:
    """amqtt in this process: MQTT 3.1.1, no access control, no websockets. For a demo only."""

    def __init__(self, *, port: int | None = None) -> None:
        self.host = HOST
        self.port = port or free_port()
        self._broker: Any = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> None:
        """Start it and return when it accepts connections.

        Raises:
            BrokerError: amqtt is not installed.
        """
        try:
            from amqtt.broker import Broker  # noqa: PLC0415  an extra, loaded where it is used
        except ImportError:
            raise BrokerError(
                "neither mosquitto nor amqtt is installed; `apt install mosquitto`,"
                " or install the extra `demo`"
            ) from None
        self._broker = Broker(
            {
                "listeners": {"default": {"type": "tcp", "bind": f"{HOST}:{self.port}"}},
                "plugins": {
                    "amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}
                },
            }
        )
        await self._broker.start()

    async def stop(self) -> None:
        """End it."""
        broker, self._broker = self._broker, None
        if broker is not None:
            await broker.shutdown()


def make_demo_broker(directory: Path, *, port: int | None = None) -> Mosquitto | InProcessBroker:
    """Make the best broker that this machine has; start it with `async with`."""
    if find_mosquitto() is not None:
        return Mosquitto(directory, port=port)
    return InProcessBroker(port=port)
