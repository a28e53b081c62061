"""The other half of `backstride demo`: daemon and virtual treadmill, in a process and a time of their own.

It is the daemon that `backstride run` runs, on a loop whose clock may go faster than the wall's. When it is
told to end it judges the session by the virtual machine's own log, and draws it.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

from backstride.cli.exits import Exit
from backstride.cli.figure import draw
from backstride.cli.simulation_view import picture_of, report_of
from backstride.cli.terminal import make_console
from backstride.domain.events import Event
from backstride.domain.machine import BeltStart
from backstride.domain.notices import Notice
from backstride.domain.session import Phase, Session, Transition
from backstride.domain.units import SECOND
from backstride.service.logs import configure
from backstride.service.settings import VIRTUAL, Broker, Config, LogFormat, LogLevel, Treadmill
from backstride.service.settings import Service as ServiceSettings
from backstride.service.simulation import Sample, Simulation, take_sample
from backstride.service.supervisor import Service, serve
from backstride.virtual.clock import run_accelerated
from backstride.virtual.machine import Machine
from backstride.virtual.pump import Pump

TREADMILL = "demo"
_SCRIPTED = frozenset({Phase.RUNNING, Phase.HOLDING, Phase.TURNING})


class Recorder:
    """Watches the session of the demo and keeps what the summary and the picture need."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.samples: list[Sample] = []
        self.notices: list[Notice] = []
        self.session = Session()

    def attach(self) -> None:
        """Watch, now that the controllers are built."""
        self.service.controllers[0].watchers.append(self._watch)

    @property
    def machine(self) -> Machine:
        """The virtual treadmill, which knows the truth of its belt."""
        pump = self.service.radios.pumps[TREADMILL]
        machine = pump.machine if isinstance(pump, Pump) else None
        if not isinstance(machine, Machine):
            raise TypeError("the demo's treadmill is not virtual")
        return machine

    def _watch(self, event: Event, transition: Transition) -> None:
        s = transition.session
        self.notices.extend(transition.notices)
        if s.program is not None and s.linked:
            self.session = s
        if s.program is not None and (not self.samples or event.at - self.samples[-1].at >= SECOND):
            self.samples.append(take_sample(event.at, s, self.machine))

    def result(self) -> Simulation:
        """The session, as `simulate` would tell it; its time begins with the arming."""
        start = self.samples[0].at if self.samples else 0
        samples = tuple(
            Sample(
                at=x.at - start,
                script=x.script,
                phase=x.phase,
                setpoint=x.setpoint,
                target=x.target,
                belt=x.belt,
                incline=x.incline,
            )
            for x in self.samples
        )
        return Simulation(
            phase=self.session.phase,
            reason=self.session.ended_by,
            refusal=None,
            duration=samples[-1].at if samples else 0,
            samples=samples,
            notices=(),
            session=self.session,
            machine=self.machine,
        )


def parse(words: list[str]) -> argparse.Namespace:
    """The arguments that `demo` gives to its other half."""
    parser = argparse.ArgumentParser(prog="backstride demo (stage)")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--state", required=True)
    parser.add_argument("--machine", required=True)
    parser.add_argument("--factor", type=float, required=True)
    parser.add_argument("--picture", type=Path, required=True)
    return parser.parse_args(words)


def main(words: list[str]) -> int:
    """Run until SIGTERM, then report the session on standard output."""
    options = parse(words)
    configure(LogFormat.JSON, LogLevel.INFO)
    config = Config(
        broker=Broker(host="127.0.0.1", port=options.port),
        service=ServiceSettings(state_directory=options.state),
        treadmills=(
            Treadmill(
                id=TREADMILL,
                name="Demo",
                virtual=options.machine,
                strap=VIRTUAL,
                belt_start=BeltStart.REMOTE,
            ),
        ),
    )
    recorders: list[Recorder] = []

    def started(service: Service) -> None:
        recorder = Recorder(service)
        recorders.append(recorder)
        service.built.append(recorder.attach)

    if options.factor == 1:
        asyncio.run(serve(config, started=started))
    else:
        run_accelerated(serve(config, started=started), options.factor)
    recorder = recorders[0]
    program = recorder.session.program
    if program is None:
        return Exit.REFUSED
    result = recorder.result()
    name = result.machine.model.identity.name or options.machine
    draw(picture_of(program, result, name), options.picture)
    make_console().print(report_of(program, result, name))
    return Exit.OK if result.phase is Phase.FINISHED else Exit.REFUSED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
