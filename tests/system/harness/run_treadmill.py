"""A virtual treadmill as a process of its own: python run_treadmill.py MACHINE SOCKET FACTOR."""

from __future__ import annotations

import asyncio
import sys

from remote_air import ADDRESS, Gateway

from backstride.virtual.catalogue import load_machine
from backstride.virtual.clock import AcceleratedLoop
from backstride.virtual.machine import Machine
from backstride.virtual.radio import Air


async def main(name, path):
    air = Air()
    now = round(asyncio.get_running_loop().time() * 1_000)
    machine = Machine(load_machine(name), now_ms=now, address=ADDRESS)
    pump = await air.serve(machine)

    def report(since):
        pump.kick()
        log = machine.log
        return {
            "now": pump.now_ms(),
            "speed": machine.drive.belt.value,
            "phase": machine.drive.phase.name,
            "top": log.top_speed,
            "clients": len(machine.clients),
            "moving_starts": len(log.moving_starts()),
            "writes": [[w.at, w.data.hex(), w.speed] for w in log.writes if w.at >= since],
        }

    server = await Gateway(air, report).serve(path)
    print("serving", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    _, machine_name, socket_path, factor = sys.argv
    with asyncio.Runner(loop_factory=lambda: AcceleratedLoop(float(factor))) as runner:
        runner.run(main(machine_name, socket_path))
