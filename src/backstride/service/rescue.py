"""A short life that only stops: for a belt that was left moving, where no next life of the daemon comes.

Theory of operation
-------------------
A daemon that died is started again by systemd, and that life finds the claim on the belt and brings it to
rest: nothing here is faster. But after a `systemctl stop` there is no next life, and should the daemon have
been killed in it, because it hung or the computer goes down, the belt runs on. So the unit asks for this
when the daemon has ended (ExecStopPost). It does what the next life would do, by the same session and the
same gate, with nobody listening: the claim is adopted, judged by the machine's counters, and Stop is sent.
It ends when the claim is withdrawn, which is when the belt is proven still or is not ours, or when its time
is over. It never starts anything: there is no bus that a command could come from.

A daemon asks for it, too, before it gives up its start: because its configuration is wrong, a password cannot
be read, or a belt is owed that is configured no more. Then the records of the dead life say what there is.
"""

from __future__ import annotations

import asyncio
import secrets
import signal
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Final

import structlog

from backstride.domain.notices import Answer
from backstride.domain.session import Session
from backstride.domain.units import SECOND, Ms
from backstride.ftms.treadmill import BleakTreadmill
from backstride.ports import Publication, Sink
from backstride.service import local, systemd
from backstride.service.clock import LoopClock, WallClock
from backstride.service.controller import Controller, Ports
from backstride.service.journal import FileJournal
from backstride.service.radios import Radios
from backstride.service.recovery import FileLedger, LockedError, UnwritableError, lock
from backstride.service.settings import Treadmill

_LOG: Final = structlog.get_logger("backstride.rescue")

PATIENCE: Final[Ms] = 25 * SECOND
"""For a connection (BlueZ keeps a dead process's one, so 1 s as a rule), Stop, 9 s of coasting, two zeros."""
_LOOK: Final[Ms] = 100
_SPARE: Final[Ms] = 10 * SECOND
"""For the rest of a start, or the end of the process."""


class Nobody:
    """A bus to nobody: no broker is needed to stop a belt."""

    async def run(self, sink: Sink) -> None:
        """Bring nothing."""
        del sink
        await asyncio.Event().wait()

    def publish(self, publication: Publication) -> None:
        """Tell nobody."""

    def answer(self, answer: Answer) -> None:
        """Answer nobody."""


async def rescue(
    state: Path,
    treadmills: Sequence[Treadmill],
    patience: Ms = PATIENCE,
    radios: Radios | None = None,
) -> list[str]:
    """Bring those belts to rest that a dead daemon left moving; return the ids of those whose claim remains.

    `state` is where the daemon keeps what must survive it. A treadmill that a daemon runs is left to it.
    """
    # A stop by signal is what this does already, and would end a process that is not told of it.
    signal.signal(local.STOP, signal.SIG_IGN)
    air = radios or Radios()
    tries = (_rescue(state / one.id, one, patience, air) for one in treadmills)
    left = await asyncio.gather(*tries, return_exceptions=True)
    for treadmill, owed in zip(treadmills, left, strict=True):
        if isinstance(owed, Exception):
            _LOG.critical("the rescue failed: go and look", treadmill=treadmill.id, exc_info=owed)
    return [treadmill.id for treadmill, owed in zip(treadmills, left, strict=True) if owed]


async def _rescue(home: Path, treadmill: Treadmill, patience: Ms, radios: Radios) -> bool:
    ledger = FileLedger(home)
    if not await _is_owed(ledger):
        return False
    log = _LOG.bind(treadmill=treadmill.id)
    with ExitStack() as held:
        try:
            held.enter_context(lock(home))
        except LockedError:
            log.info("left to the daemon that runs it")
            return False
        except UnwritableError as error:
            log.warning("no other one can be kept from it meanwhile", reason=str(error))
        log.warning("a belt was left moving: it is looked for, to be stopped")
        systemd.notify(systemd.extend(patience + _SPARE), systemd.status("looking for a belt"))
        controller = await _build(treadmill, home, ledger, radios)
        running = asyncio.create_task(controller.run(), name=f"rescue {treadmill.id}")
        with suppress(TimeoutError):
            async with asyncio.timeout(patience / SECOND):
                while await _is_owed(ledger) and not running.done():  # noqa: ASYNC110  a file
                    await asyncio.sleep(_LOOK / SECOND)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        owed = await _is_owed(ledger)
    if owed:
        log.critical("the belt is not proven still: go and look")
    else:
        log.warning("nothing is owed any more")
    return owed


async def _is_owed(ledger: FileLedger) -> bool:
    return await asyncio.to_thread(ledger.load) is not None


async def _build(
    treadmill: Treadmill, home: Path, ledger: FileLedger, radios: Radios
) -> Controller:
    clock = LoopClock()
    radio, target = await radios.provide(treadmill)
    belt = BleakTreadmill(target, clock=clock, radio=radio)
    ports = Ports(
        treadmill=belt,
        bus=Nobody(),
        journal=FileJournal(home / "journal"),
        ledger=ledger,
        clock=clock,
        wall=WallClock(),
        trouble=lambda: belt.trouble,
        stage=lambda: belt.stage.value,
    )
    # No sheet and no limit: nothing is started, and the claim says which machine it is.
    return Controller(treadmill.id, secrets.token_hex(4), ports, Session(), programs=())
