"""A treadmill, a broker, people and bad luck around one session, judged at the treadmill itself.

A story is a list of (seconds, action, argument); a world plays it without any randomness of its own, so that
a story that breaks an invariant can be shortened until only what matters is left.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from backstride.domain import events
from backstride.domain.commands import RequestControl, SetIncline, SetSpeed, Start, Stop
from backstride.domain.envelope import FRESH, Permit, permit
from backstride.domain.events import Ask, Status, Verdict
from backstride.domain.limits import Caps
from backstride.domain.machine import BeltStart, InclineRange, Machine, SpeedRange
from backstride.domain.notices import Answer, Cue
from backstride.domain.session import Phase, Session, ownership
from backstride.domain.step import step
from backstride.domain.walker import Walker
from backstride.domain.workout import Effort, Facing, Level, Program, Repeat, Step, Turn

TICK = 100
FAULTS = ("reject", "deny", "silent", "lost", "late", "ignored")


class BrokenPromise(AssertionError):  # noqa: N818  it is what it says
    """The treadmill saw something that must never happen."""


def machine(kind):
    grids = {"fine": (50, 1200, 10), "coarse": (100, 600, 50), "odd": (96, 643, 32)}
    return Machine(
        address="00:11:22:33:44:55",
        name=kind.grid,
        fingerprint=kind.grid,
        speed=SpeedRange(*grids[kind.grid]),
        incline=InclineRange(0, 100, 5) if kind.tilts else None,
        belt_start=BeltStart.CONSOLE if kind.console else BeltStart.REMOTE,
        reports_incline=kind.tilts,
        reports_distance=kind.counts,
        reports_elapsed=kind.counts,
    )


@dataclass(frozen=True)
class Kind:
    """What sort of treadmill it is."""

    grid: str = "fine"
    console: bool = False
    tilts: bool = True
    counts: bool = True
    period: int = 1_000
    agility: int = 10
    delay: int = 0
    start: int = 0
    shows_target: bool = False
    streams: bool = False
    latency: int = 1
    toggles: bool = False
    check_in: int | None = None
    unsupervised: bool = False
    walker: Walker | None = None
    pulse: int | None = None  # what the strap says each second; None without a strap


def kinds(rng):
    return Kind(
        grid=rng.choice(["fine", "fine", "coarse", "odd"]),
        console=rng.random() < 0.25,
        tilts=rng.random() < 0.6,
        counts=rng.random() < 0.7,
        period=rng.choice([200, 500, 1_000, 1_000]),
        agility=rng.choice([3, 10, 20]),
        delay=rng.choice([0, 0, 2_000, 6_000]),
        start=rng.choice([0, 0, 0, 160, 225]),
        shows_target=rng.random() < 0.2,
        streams=rng.random() < 0.3,
        latency=rng.choice([0, 1, 3]),
        toggles=rng.random() < 0.15,
        check_in=rng.choice([None, None, 20_000]),
        unsupervised=rng.random() < 0.2,
        walker=walkers(rng) if rng.random() < 0.4 else None,
        pulse=rng.choice([None, 95]),
    )


def walkers(rng):
    """Somebody whose cap lets the story be walked, or does not."""
    cap = rng.choice([None, 80, 160, 200, 300])
    return Walker(
        id="w",
        name="Walker",
        level=rng.choice([Level.BEGINNER, Level.REGULAR]),
        max_heart_rate=rng.choice([None, 180]),
        caps=None if cap is None else Caps(reason="their own", speed=cap),
    )


def program(kind):
    low = {"fine": 80, "coarse": 100, "odd": 96}[kind.grid]
    high = {"fine": 120, "coarse": 200, "odd": 160}[kind.grid]
    return Program(
        id="story",
        name="Story",
        goal="test",
        level=Level.BEGINNER,
        facing=Facing.FORWARD,
        max_speed=high + 40,
        max_incline=20 if kind.tilts else 0,
        check_in=kind.check_in,
        unsupervised=kind.unsupervised,
        steps=(
            Step(effort=Effort.WARMUP, duration=25_000, speed=low),
            Turn(to=Facing.BACKWARD),
            Repeat(
                times=2,
                steps=(
                    Step(
                        effort=Effort.WORK,
                        duration=25_000,
                        speed=low,
                        ramp_to=high,
                        incline=10 if kind.tilts else 0,
                    ),
                    Step(effort=Effort.RECOVER, duration=15_000, speed=0),
                ),
            ),
            Step(effort=Effort.COOLDOWN, duration=10_000, speed=low),
        ),
    )


def pushes(before, transition):
    """What sets the belt in motion or makes it faster among the orders of a step."""
    commands = [order.command for order in transition.orders]
    starts = {command for command in commands if isinstance(command, Start)}
    speeds = {command for command in commands if isinstance(command, SetSpeed)}
    return starts | {command for command in speeds if command.target > before.drive.target}


@dataclass
class World:
    """Everything around one session."""

    kind: Kind
    session: Session = field(default_factory=Session)
    now: int = 1_000
    epoch: int = 0
    linked: bool = False
    # the treadmill
    speed: int = 0
    target: int = 0
    incline: int = 0
    deck: int = 0
    ran: int = 0
    walked: int = 0
    starts_at: int | None = None
    ours: bool = False
    touched_at: int = -100_000
    told: int = 0
    told_at: int = 0
    fast_since: int | None = None
    claimed_at: int = 0
    # the air
    faults: list = field(default_factory=list)
    inbox: list = field(default_factory=list)
    mute_until: int = 0
    last_frame: int = 0
    deaf_until: int = 0
    loses_cues: bool = False
    frozen_until: int = 0
    # the record
    confirms: int = 0
    confirmed_epoch: int = -1
    ended: bool = False
    requests: int = 0
    pulse: int | None = None
    strained_since: int | None = None
    sent: list = field(default_factory=list)
    last_status: int | None = None

    def __post_init__(self):
        self.machine = machine(self.kind)
        self.program = program(self.kind)
        self.session = Session(person=self.kind.walker)
        self.pulse = self.kind.pulse
        self.cap = self.armed_cap()

    def armed_cap(self):
        """The speed that machine, program and walker allow together."""
        person = self.session.person
        own = person.caps.speed if person and person.caps else 400
        return min(self.program.max_speed, 400, self.machine.speed.maximum, own)

    # --- folding -------------------------------------------------------------------------------
    def feed(self, event):
        before = self.session.phase
        transition = step(self.session, event)
        if isinstance(event, events.HeartRate):
            without = step(self.session, events.CueHeard(at=event.at, cue=-1))
            hastened = pushes(self.session, transition) - pushes(self.session, without)
            self.promise(not hastened, f"a heart of {event.bpm} brought {hastened}")
        self.session = transition.session
        stops = any(isinstance(order.command, Stop) for order in transition.orders)
        if before is Phase.STARTING and self.session.phase is Phase.RUNNING:
            self.ours = True
        for order in transition.orders:
            self.judge(order, stops, before)
        for notice in transition.notices:
            if isinstance(notice, Cue) and not self.loses_cues:
                self.inbox.append((self.now, events.CueHeard(at=self.now, cue=notice.number)))
            silent = self.now - self.last_frame > 5_000
            if isinstance(notice, Answer) and notice.code == "acknowledged" and silent:
                self.ours = False  # a person was asked to look, and said that it stands
        self.check()
        return transition

    def judge(self, order, stops, before):
        command = order.command
        granted = permit(command, order.ticket, order.situation, self.session.envelope)
        self.promise(
            isinstance(granted, Permit), f"the planner wanted {command}, refused: {granted}"
        )
        if before is Phase.HANDED_OVER or self.session.phase is Phase.HANDED_OVER:
            fair = isinstance(command, Stop) or (isinstance(command, RequestControl) and stops)
            self.promise(fair, f"{command} after handing over")
        self.sent.append((self.now, command))
        fault = None
        if self.faults and not (isinstance(command, Stop) and self.faults[0] == "deny"):
            fault = self.faults.pop(0)
        if self.now < self.deaf_until:
            fault = "silent"
        self.carry_out(order, fault)

    def carry_out(self, order, fault):
        verdict, detail, effect, after = Verdict.CONFIRMED, "", True, self.kind.latency * TICK
        if fault == "reject":
            verdict, detail, effect = Verdict.REJECTED, "refused: failed", False
        elif fault == "deny":
            verdict, detail = Verdict.REJECTED, "refused: control not permitted"
            effect = False
            self.ours = False  # so does a machine that somebody else controls now
        elif fault == "silent":
            verdict, effect, after = Verdict.UNKNOWN, False, 3_000
        elif fault == "lost":
            verdict, after = Verdict.UNKNOWN, 3_000
        elif fault == "ignored":
            effect = False
        elif fault == "late":
            after = 6_000
        if effect:
            self.obey(order.command)
        outcome = events.Outcome(
            at=0, epoch=self.epoch, ticket=order.ticket, verdict=verdict, detail=detail
        )
        self.inbox.append((self.now + after, outcome))

    def obey(self, command):
        match command:
            case SetSpeed(target=target):
                self.check_speed(target)
                self.target = target
            case SetIncline(target=target):
                limit = self.program.max_incline
                self.promise(0 <= target <= limit, f"incline {target}")
                self.incline = target
            case Start():
                self.check_start()
                self.ours = True
                self.starts_at = self.now + self.kind.delay
            case Stop():
                toggled = self.kind.toggles and self.target == 0 and self.speed > 0
                self.target = self.machine.speed.minimum if toggled else 0
                self.starts_at = None

    # --- promises ------------------------------------------------------------------------------
    def promise(self, kept, what):
        if not kept:
            raise BrokenPromise(f"at {self.now / 1000:.1f} s while {self.session.phase}: {what}")

    def check_speed(self, target):
        grid = self.machine.speed
        self.promise(target <= self.cap, f"{target} is above the cap {self.cap}")
        self.promise(target >= grid.minimum, f"{target} is below the floor")
        self.promise((target - grid.minimum) % grid.increment == 0, f"{target} is off the grid")
        # The belt may have been touched a moment ago, unseen by anybody.
        seen = self.now - self.touched_at > max(FRESH, self.kind.period) + 1_000
        self.promise(self.speed > 0 or not seen, f"{target} to a standing belt")
        if seen and self.now - self.last_frame <= FRESH:
            rise = target - self.target
            self.promise(rise <= max(30, grid.increment), f"a rise of {rise} in one command")
        if target > self.told > 0:
            since = self.strained_since
            strained = since is not None and self.now - since > 7_000
            self.promise(not strained, f"faster, with a heart above its ceiling since {since}")
            gone = self.now - self.told_at
            rise = target - self.told
            self.promise(rise * 1000 <= 10 * gone, f"a rise of {rise} after {gone} ms")
        self.told, self.told_at = target, self.now

    def check_start(self):
        unseen = self.now - self.touched_at < 8_000
        self.promise(self.speed == 0 or unseen, f"Start to a belt at {self.speed}")
        self.promise(self.starts_at is None or unseen, "Start to a belt that starts")
        self.promise(self.confirms == 1, f"Start with {self.confirms} unused confirms")
        self.promise(self.confirmed_epoch == self.epoch, "Start on another connection")
        self.promise(not self.ended, "Start after the shutdown")
        self.promise(not self.kind.console, "Start to a machine with a console start")
        self.confirms = 0
        self.told = 0

    def check(self):
        s = self.session
        moves = self.speed > 0 or self.starts_at is not None
        if self.ours and moves:
            kept = s.owed or s.adopted is not None
            self.promise(kept, f"our belt moves at {self.speed} and nobody owes it a rest")
        fast = self.fast_since is not None and self.now - self.fast_since
        led = s.phase in {Phase.RUNNING, Phase.HOLDING, Phase.SLOWING, Phase.TURNING}
        margin = 2 * self.kind.period + 500
        blind = self.now < max(self.mute_until, self.frozen_until) + margin
        if fast and led and self.linked and not blind:
            self.promise(
                fast <= 3 * self.kind.period, f"{self.speed} is above the cap for {fast} ms"
            )
        if s.owed and self.linked and self.now >= self.frozen_until:
            silent = self.now - max(self.last_frame, s.since)
            blind = silent > 5_300 and s.phase in {Phase.RUNNING, Phase.HOLDING, Phase.SLOWING}
            self.promise(not blind, f"no telemetry for {silent} ms")

    # --- time ----------------------------------------------------------------------------------
    def tick(self):
        self.now += TICK
        self.move_belt()
        due = [entry for entry in self.inbox if entry[0] <= self.now]
        self.inbox = [entry for entry in self.inbox if entry[0] > self.now]
        for _, event in due:
            self.feed(at(event, self.now))
        if self.now < self.frozen_until:
            return
        self.feed(events.Tick(at=self.now))
        if self.linked and self.now % self.kind.period == 0 and self.now >= self.mute_until:
            self.report()
        if self.pulse is not None and self.now % 1_000 == 0:
            self.beat(self.pulse)
        self.feel()

    def beat(self, rate):
        self.feed(events.HeartRate(at=self.now, bpm=rate, contact=None if rate != 1 else False))

    def feel(self):
        """Since when the walker walks with a heart above 85 % of 180, as the strap says."""
        person, led = self.session.person, {Phase.RUNNING, Phase.HOLDING}
        known = person is not None and person.max_heart_rate is not None and self.pulse == 190
        if not (known and self.session.phase in led and self.linked):
            self.strained_since = None
        elif self.strained_since is None:
            self.strained_since = self.now

    def move_belt(self):
        if self.starts_at is not None and self.now >= self.starts_at:
            self.starts_at = None
            self.target = self.kind.start or self.machine.speed.minimum
        change = self.target - self.speed
        self.speed += max(min(change, self.kind.agility), -self.kind.agility)
        if self.now % 500 == 0:
            self.deck += max(min(self.incline - self.deck, 5), -5)
        if self.speed <= self.cap + 30:
            self.fast_since = None
        elif self.fast_since is None:
            self.fast_since = self.now
        if self.speed:
            self.ran += TICK
            self.walked += self.speed
        elif self.target == 0 and self.starts_at is None:
            self.ours = False

    def report(self):
        self.last_frame = self.now
        shown = self.speed
        if self.kind.shows_target and self.target and self.speed:
            shown = self.target
        counts = self.kind.counts
        self.feed(
            events.Telemetry(
                at=self.now,
                epoch=self.epoch,
                speed=shown,
                incline=self.deck if self.kind.tilts else None,
                elapsed=self.ran // 1_000 if counts else None,
                distance=self.walked // 36_000 if counts else None,
            )
        )
        if self.kind.streams and self.linked and self.speed != self.target:
            self.status(Status.TARGET_SPEED, self.speed)

    def status(self, status, value=None):
        if self.linked:
            self.feed(
                events.MachineStatus(at=self.now, epoch=self.epoch, status=status, value=value)
            )

    def seconds(self, count):
        for _ in range(int(count * 1000) // TICK):
            self.tick()

    # --- what can happen -------------------------------------------------------------------------
    def link_up(self, _=None):
        self.epoch += 1
        self.linked = True
        self.last_frame = self.now
        self.inbox = [e for e in self.inbox if isinstance(e[1], events.CueHeard)]
        self.feed(events.LinkUp(at=self.now, epoch=self.epoch, machine=self.machine))

    def link_down(self, _=None):
        if self.linked:
            self.linked = False
            self.inbox = [e for e in self.inbox if isinstance(e[1], events.CueHeard)]
            self.feed(events.LinkDown(at=self.now, epoch=self.epoch, reason="story"))

    def bus(self, there):
        self.feed(events.BusUp(at=self.now) if there else events.BusDown(at=self.now))

    def ask(self, ask):
        self.requests += 1
        name = f"r{self.requests}"
        transition = self.feed(
            events.Request(
                at=self.now,
                id=name,
                ask=ask,
                program=self.program if ask in {Ask.START, Ask.SELECT} else None,
                source="story",
            )
        )
        (answer,) = [n for n in transition.notices if isinstance(n, Answer) and n.id == name]
        if answer.code == "countdown":
            self.confirms, self.confirmed_epoch = 1, self.epoch
        if answer.code == "armed":
            self.cap = self.armed_cap()
        return answer

    def console(self, argument):
        """Somebody at the console: the belt obeys, and says so or not."""
        what, value, tells = argument
        self.touched_at = self.now
        told = getattr(self, f"press_{what}")(value)
        if told and tells:
            self.status(*told)

    def press_speed(self, value):
        if not (self.speed > 0 and self.target > 0):
            return None
        grid = self.machine.speed
        self.ours = False
        self.target = max(min(self.target + value * grid.increment, grid.maximum), grid.minimum)
        return Status.TARGET_SPEED, self.target

    def press_stop(self, _):
        if self.target == 0 and self.starts_at is None:
            return None
        self.ours = False
        self.target, self.starts_at = 0, None
        return (Status.STOPPED_BY_USER,)

    def press_start(self, _):
        if self.target or self.speed or self.starts_at is not None:
            return None
        self.ours = False
        self.starts_at = self.now + self.kind.delay
        self.told = 0
        return (Status.STARTED_BY_USER,)

    def press_key(self, _):
        self.ours = False
        self.target, self.starts_at = 0, None
        return (Status.SAFETY_KEY,)

    def press_taken(self, _):
        self.ours = False
        return (Status.CONTROL_LOST,)

    def press_incline(self, value):
        if not self.kind.tilts:
            return None
        self.ours = False
        self.incline = value * 5
        return Status.TARGET_INCLINE, self.incline

    def fault(self, name):
        self.faults.append(name)

    def mute(self, seconds):
        self.mute_until = self.now + seconds * 1_000

    def deaf(self, seconds):
        self.deaf_until = self.now + seconds * 1_000

    def strap(self, rate):
        """What the strap says from now on: 0 and 65,535 are absurd, 1 is without contact, None is gone."""
        self.pulse = rate

    def cues(self, heard):
        self.loses_cues = not heard

    def freeze(self, seconds):
        """The control loop stands still; what happened meanwhile arrives afterwards."""
        self.frozen_until = self.now + seconds * 1_000

    def sleep(self, seconds):
        for _ in range(seconds * 10):
            self.now += TICK
            self.move_belt()
        self.mute(0)
        # The monotonic clock did not see it.
        self.feed(events.Tick(at=self.now, slept=seconds * 1_000))

    def ghost(self, _):
        """An old connection still talks."""
        for event in (
            events.Telemetry(at=self.now, epoch=self.epoch - 1, speed=0, incline=0),
            events.Outcome(
                at=self.now,
                epoch=self.epoch - 1,
                ticket=self.session.tickets,
                verdict=Verdict.CONFIRMED,
            ),
            events.LinkDown(at=self.now, epoch=self.epoch - 1, reason="old"),
            events.LinkUp(at=self.now, epoch=self.epoch, machine=self.machine),
        ):
            self.feed(event)

    def noise(self, value):
        self.feed(events.Training(at=self.now, epoch=self.epoch, code=value))
        self.feed(events.CueHeard(at=self.now, cue=value))
        if self.linked:
            self.feed(events.Telemetry(at=self.now, epoch=self.epoch, heart_rate=90))

    def crash(self, seconds):
        """The process dies and comes back with what is on its disk."""
        # What the service does: a record stays until the session has judged it.
        record = ownership(self.session) or self.session.adopted
        if self.session.owed:
            self.claimed_at = self.now
        site, walker, options = self.session.site, self.session.walker, self.session.options
        self.linked = False
        self.inbox.clear()
        for _ in range(seconds * 10):
            self.now += TICK
            self.move_belt()
        self.confirms, self.ended, self.fast_since = 0, False, None
        self.cap = min(400, self.machine.speed.maximum)  # without a program, the site's
        self.session = Session(site=site, walker=walker, options=options, person=self.kind.walker)
        self.strained_since = None
        self.epoch = 0
        if record is not None:
            self.feed(events.Adopt(at=self.now, record=record, age=self.now - self.claimed_at))
        self.bus(there=True)
        self.link_up()

    def shutdown(self, _):
        self.ended = True
        self.feed(events.Shutdown(at=self.now))


def at(event, now):
    return type(event)(
        **{name: getattr(event, name) for name in event.__struct_fields__ if name != "at"}, at=now
    )


def play(kind, story):
    """Play a story to its end, then make peace and demand that the belt stops.

    Raises:
        BrokenPromise: an invariant broke.
    """
    world = World(kind)
    world.bus(there=True)
    world.link_up()
    world.seconds(2)
    world.ask(Ask.START)
    world.seconds(1)
    world.ask(Ask.CONFIRM)
    for wait, action, argument in story:
        world.seconds(wait)
        getattr(world, action)(argument)
    make_peace(world)
    return world


def make_peace(world):
    world.faults.clear()
    # What was not to be seen until now takes its frames to be seen.
    world.mute_until = min(world.mute_until, world.now)
    world.frozen_until = min(world.frozen_until, world.now)
    world.deaf_until = 0
    world.loses_cues = False
    world.bus(there=True)
    if not world.linked:
        world.link_up()
    world.tick()
    world.ask(Ask.STOP)
    for _ in range(600):
        world.tick()
        over = world.session.phase in {Phase.FINISHED, Phase.FAULTED} and not world.session.owed
        if over and world.speed == 0 and world.starts_at is None:
            break
    world.promise(world.speed == 0, f"the belt still runs at {world.speed} long after Stop")
    world.promise(not world.session.owed, "a standing belt is still owed its rest")
    world.ask(Ask.ACKNOWLEDGE)
    world.promise(
        world.session.phase in {Phase.IDLE, Phase.OFFLINE}, "the fault cannot be acknowledged"
    )


ASKS = (
    *(Ask.CONFIRM,) * 5, *(Ask.START,) * 2, Ask.PAUSE, Ask.CONTINUE, Ask.SKIP, Ask.FASTER, Ask.FASTER,
    Ask.SLOWER, Ask.FINISH, Ask.STOP, Ask.ACKNOWLEDGE, Ask.ACKNOWLEDGE, Ask.SELECT, Ask.PRESENT,
    Ask.FEEDBACK,
)  # fmt: skip


def draw(rng, action):
    """What such an action needs to know."""
    match action:
        case "console":
            what = rng.choice(
                ["speed", "speed", "stop", "start", "start", "key", "taken", "incline"]
            )
            value = rng.choice([-20, -3, -1, 1, 2, 8] if what == "speed" else [-2, 0, 3, 9])
            return what, value, rng.random() < 0.5
        case "fault":
            return rng.choice(FAULTS)
        case "bus" | "cues":
            return rng.random() < 0.5
        case "mute" | "deaf" | "sleep" | "crash":
            return rng.choice([1, 4, 8, 30])
        case "freeze":
            return rng.choice([1, 2, 4])
        case "strap":
            return rng.choice([None, 0, 1, 40, 95, 190, 190, 190, 65_535])
        case "noise":
            return rng.randint(0, 40)
    return None


def invent(rng):
    """A story, as bad luck would have it."""
    kind = kinds(rng)
    story = []
    nasty = rng.choice([0.1, 0.3, 0.6])
    for _ in range(rng.randint(3, 25)):
        wait = rng.choice([0, 0.1, 0.3, 0.5, 1, 2, 5, 11, 13, 20])
        if rng.random() > nasty:
            story.append((wait, "ask", rng.choice(ASKS)))
            continue
        action = rng.choice(
            ["console"] * 4
            + ["fault"] * 5
            + [
                "link_down",
                "link_up",
                "link_up",
                "link_up",
                "bus",
                "bus",
                "mute",
                "mute",
                "deaf",
                "cues",
            ]
            + ["freeze", "sleep", "ghost", "noise", "crash", "shutdown", "strap", "strap", "strap"]
        )
        if action == "shutdown" and rng.random() < 0.7:
            action = "noise"
        story.append((wait, action, draw(rng, action)))
    return kind, story


def breaks(kind, story):
    """What goes wrong in this story, or None."""
    try:
        play(kind, story)
    except Exception as error:  # noqa: BLE001  an exception is a finding like any other
        return f"{type(error).__name__}: {error}"
    return None


def shorten(kind, story):
    """Leave out what does not matter, for as long as the story still ends badly."""
    plain = Kind()
    for name in Kind.__dataclass_fields__:
        simpler = Kind(**{**kind.__dict__, name: getattr(plain, name)})
        if breaks(simpler, story):
            kind = simpler
    done = False
    while not done:
        done = True
        for index in range(len(story) - 1, -1, -1):
            wait = story[index][0]
            shorter = story[:index] + story[index + 1 :]
            if index < len(shorter):
                after = shorter[index]
                kept = [*shorter[:index], (after[0] + wait, *after[1:]), *shorter[index + 1 :]]
            else:
                kept = shorter
            for candidate in (kept, shorter):
                if breaks(kind, candidate):
                    story, done = candidate, False
                    break
    return kind, story


def tell(kind, story):
    """A story for people."""
    changed = {n: v for n, v in kind.__dict__.items() if v != getattr(Kind(), n)}
    lines = [f"kind = {changed}"] + [f"  after {w} s: {a} {x!r}" for w, a, x in story]
    return "\n".join(lines)


def search(seed, count):
    """The first story of `count` that breaks a promise, shortened; None when all hold."""
    for number in range(seed, seed + count):
        kind, story = invent(random.Random(number))
        if wrong := breaks(kind, story):
            kind, story = shorten(kind, story)
            return f"seed {number}: {breaks(kind, story) or wrong}\n{tell(kind, story)}"
    return None
