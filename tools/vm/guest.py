"""The virtual machine: booted from the image without touching it, reached by ssh, ruled by its monitor.

Plain emulation, everywhere the same: `-cpu max` breaks systemd's mounts, and a KVM that is there may not
boot Debian's kernel. Nothing that the guest writes outlives it, and it reaches nothing but this ssh port.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import IO, Any, Final

from tools.vm.image import Image
from tools.vm.qmp import Qmp

BOOT_S: Final = 300.0
"""From power to ssh: 20 s on an idle machine, and much more on one that has other things to do."""
SSH_S: Final = 40.0
RUN_S: Final = 180.0


_LONGEST_LINE: Final = 1 << 22
_END: Final = "\x01end "
_OPTIONS: Final = {
    "BatchMode": "yes",
    "ConnectTimeout": "10",
    "ServerAliveInterval": "15",
    "ControlPath": "none",
    "StrictHostKeyChecking": "no",
    "UserKnownHostsFile": "/dev/null",
    "IdentitiesOnly": "yes",
    "LogLevel": "ERROR",
}


class GuestError(Exception):
    """The guest did not boot, or a command in it failed or took too long."""


class Shell:
    """A shell in the guest that stays: opening a connection takes seconds there, a command none."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def do(self, command: str) -> tuple[int, str]:
        """Run a command; its exit status and what it printed.

        Raises:
            EOFError: the connection is gone.
        """
        process = self._process
        assert process.stdin is not None  # noqa: S101  they are pipes
        assert process.stdout is not None  # noqa: S101
        process.stdin.write(f"( {command}\n) </dev/null 2>&1; echo '{_END}'$?\n".encode())
        await process.stdin.drain()
        lines: list[str] = []
        while line := (await process.stdout.readline()).decode(errors="replace"):
            before, end, status = line.partition(_END)
            lines.append(before)
            if end:
                return int(status), "".join(lines)
        raise EOFError("".join(lines)[-500:])

    def close(self) -> None:
        """Hang up."""
        _end(self._process)


class Guest:
    """One virtual machine. `serial` is what its console says, `sockets` a directory with a short path.

    `plugged` is told when the guest opens (True) or closes (False) its end of the Bluetooth adapter.
    """

    def __init__(
        self, image: Image, serial: Path, sockets: Path, plugged: Callable[[bool], None]
    ) -> None:
        self.image = image
        self.serial = serial
        self.radio_socket = sockets / "radio"
        self._monitor = sockets / "qmp"
        self._plugged = plugged
        self._port = _free_port()
        self._process: asyncio.subprocess.Process | None = None
        self._shells: list[Shell] = []
        self.qmp = Qmp(self._on_event)

    # -- power ---------------------------------------------------------------------------------

    async def boot(self) -> float:
        """Power on and wait for ssh; returns the seconds it took.

        Raises:
            GuestError: it does not come up.
        """
        begin = time.monotonic()
        self._process = await asyncio.create_subprocess_exec(
            *self._command(), stdin=asyncio.subprocess.DEVNULL, start_new_session=True
        )
        async with asyncio.timeout(SSH_S):
            while not await self.qmp.open(self._monitor):
                if self._process.returncode is not None:
                    raise GuestError("QEMU did not start")
                await asyncio.sleep(0.05)
        return await self.wait_for_ssh(begin)

    async def wait_for_ssh(self, begin: float | None = None) -> float:
        """Wait until a command runs in the guest; seconds since `begin`."""
        begin = begin or time.monotonic()
        while time.monotonic() - begin < BOOT_S:
            with contextlib.suppress(GuestError):
                await self.run("true", timeout=SSH_S)
                return time.monotonic() - begin
            if self._process is None or self._process.returncode is not None:
                break
        tail = self.serial.read_text(errors="replace")[-2000:] if self.serial.exists() else ""
        raise GuestError(f"the guest does not boot; its console ends with:\n{tail}")

    async def reset(self) -> None:
        """The reset button: nothing in the guest hears of it."""
        await self.qmp.do("system_reset")
        self.hang_up()

    def hang_up(self) -> None:
        """Forget the connections: after a reset nobody answers on them."""
        while self._shells:
            self._shells.pop().close()

    async def close(self) -> None:
        """Pull the plug."""
        self.hang_up()
        self.qmp.close()
        if self._process is not None and self._process.returncode is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            await self._process.wait()

    # -- commands ------------------------------------------------------------------------------

    async def run(
        self,
        command: str,
        *,
        timeout: float = RUN_S,  # noqa: ASYNC109  part of what a command promises
        check: bool = True,
    ) -> str:
        """Run a shell command as root and return what it printed.

        Raises:
            GuestError: it failed (with `check`) or took longer than `timeout`.
        """
        shell = self._shells.pop() if self._shells else Shell(await self._ssh("exec bash"))
        try:
            async with asyncio.timeout(timeout):
                status, output = await shell.do(command)
        except TimeoutError:
            shell.close()
            raise GuestError(f"`{command}` took longer than {timeout:.0f} s") from None
        except (EOFError, OSError) as error:
            shell.close()
            raise GuestError(f"`{command}`: the connection ended: {error}") from None
        except asyncio.CancelledError:
            shell.close()
            raise
        self._shells.append(shell)
        if check and status:
            raise GuestError(f"`{command}` failed ({status}): {output.strip()[-3000:]}")
        return output

    async def put(self, source: Path, place: str) -> None:
        """Copy a file into the guest."""
        with source.open("rb") as file:
            process = await self._ssh(f"cat > {place}", stdin=file)
            async with asyncio.timeout(RUN_S * 4):
                output, _ = await process.communicate()
        if process.returncode:
            raise GuestError(f"{source} was not copied: {output.decode(errors='replace')}")

    @contextlib.asynccontextmanager
    async def stream(self, command: str) -> AsyncIterator[asyncio.StreamReader]:
        """What a command prints that runs on while in the context."""
        process = await self._ssh(command)
        assert process.stdout is not None  # noqa: S101  it is a pipe
        try:
            yield process.stdout
        finally:
            _end(process)
            await process.wait()

    async def _ssh(
        self, command: str, stdin: int | IO[bytes] = asyncio.subprocess.PIPE
    ) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            *["ssh", "-F", "none", "-T", "-i", str(self.image.key), "-p", str(self._port)],
            *[f"-o{name}={value}" for name, value in _OPTIONS.items()],
            *["root@127.0.0.1", command],
            stdin=stdin,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
            limit=_LONGEST_LINE,
        )

    # -- the machine ---------------------------------------------------------------------------

    def _command(self) -> list[str]:
        image = self.image
        forward = f"user,id=net,restrict=on,hostfwd=tcp:127.0.0.1:{self._port}-:22"
        return [
            # Whatever becomes of us, it does not stay behind.
            *["setpriv", "--pdeathsig", "KILL"],
            *["qemu-system-x86_64", "-nodefaults", "-display", "none", "-no-user-config"],
            *["-machine", "q35", "-accel", "tcg,thread=multi,tb-size=256", "-cpu", "Nehalem"],
            *["-smp", "2", "-m", "1536", "-serial", f"file:{self.serial}"],
            *["-kernel", str(image.kernel), "-initrd", str(image.initrd)],
            *[
                "-append",
                "root=/dev/vda rw console=ttyS0 net.ifnames=0 panic=5 quiet systemd.ssh_auto=no",
            ],
            *["-drive", f"file={image.disk},format=raw,if=virtio,snapshot=on,cache=unsafe"],
            *["-netdev", forward, "-device", "virtio-net-pci,netdev=net,romfile="],
            *["-device", "virtio-rng-pci", "-device", "virtio-serial-pci"],
            *["-chardev", f"socket,id=air,path={self.radio_socket}"],
            *["-device", "virtserialport,chardev=air,id=radio,name=radio"],
            *["-qmp", f"unix:{self._monitor},server=on,wait=off"],
        ]

    def _on_event(self, name: str, data: dict[str, Any]) -> None:
        if name == "VSERPORT_CHANGE" and data["id"] == "radio":
            self._plugged(data["open"])


def _end(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
