"""Everything around one session: a treadmill, the air, people and bad luck; and who judges.

The world is deterministic: `moves()` lists what may happen in a state and how many acts of bad luck it takes,
`do()` lets one of it happen. One move, `round`, lets `dt` pass; all others happen at once. A promise
that breaks raises `Broken`. Promises are judged by what the belt, the radio and the people really did;
of the session the world sees what a dashboard sees, and its debt (`owed`).

Order within a round: the belt moves; the session ticks; what is in the air is answered, in the order in which
it was sent; the frame arrives; the cue is heard.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from backstride.domain import ceiling
from backstride.domain.events import Ask, Status, Verdict
from backstride.domain.outcomes import CONTROL_DENIED
from backstride.domain.session import Phase
from safety.model.core import CONTROL_ASK, INCLINE, SPEED, START, STOP, Core, Stimulus, Wish

if TYPE_CHECKING:
    from safety.model.scene import Scene

type State = tuple[object, ...]
type Entry = tuple[int, int, int, int, int]
"""A procedure in the air: name, kind, value, manner (FRESH, SLOW, MUTE, DONE), age in rounds."""

FRESH, SLOW, MUTE, DONE = range(4)
MPH: Final = 1.609344
ALL: Final = frozenset(Phase)
STEERED: Final = frozenset({Phase.RUNNING, Phase.HOLDING, Phase.SLOWING})
WATCHED: Final = STEERED | {Phase.STARTING, Phase.TURNING, Phase.HANDED_OVER}
UNDERWAY: Final = STEERED | {Phase.STARTING, Phase.TURNING, Phase.STOPPING}
SETTLED: Final = frozenset({Phase.FINISHED, Phase.FAULTED})
ANSWER: Final = 3_000
"""The adapter waits this long for an answer, then says that it does not know."""
BLIND: Final = 5_000
OVER: Final = 30
CALM, HIGH = 100, 170
"""1/min; the ceiling of a walker whose highest is 180 is 152."""


class Broken(Exception):  # noqa: N818  it is what it says
    """A promise broke; the message says which."""


class World:
    """One state of affairs, loaded from and dumped to a tuple.

    speed, target: the belt, truly. starting: rounds until it moves, -1 when it will not. ours: it moves, or
    will, because of us. last: the speed it will remember. deck, slope: the incline and where it is going.
    muted, stuck, deaf: no frames; the same frame again and again (its speed, else -1); no cues. late: a frame
    held back, else -1. air: procedures under way. confirms: not used yet. touched: rounds since a
    console press counted down. told, told_age: the last commanded speed. blind: rounds without a frame. over:
    rounds above the cap. barred: nothing but Stop until the next confirm. grave: an alarm waits for its
    acknowledgement. ended: the service was told to end. asked: requests for control that a coy machine got.
    pulse: what the strap measures, -1 without one. strained: rounds that it was above the ceiling on a
    belt of ours, counted on while nobody knows.
    """

    FIELDS = (
        "sid", "speed", "target", "starting", "ours", "last", "deck", "slope", "muted", "stuck", "deaf",
        "late", "air", "confirms", "touched", "told", "told_age", "blind", "over", "barred", "grave",
        "ended", "asked", "pulse", "strained",
    )  # fmt: skip
    __slots__ = (
        *FIELDS, "acts", "core", "gain", "brake", "log", "scene", "told_max", "blind_max", "answer",
        "stride", "strained_max",
    )  # fmt: skip

    def __init__(self, scene: Scene, core: Core) -> None:
        self.scene, self.core = scene, core
        self.gain = scene.gain * scene.dt // 1_000
        self.brake = scene.brake * scene.dt // 1_000
        self.told_max = 10_000 // scene.dt
        self.blind_max = BLIND // scene.dt + 3
        self.answer = -(-ANSWER // scene.dt)
        self.stride = max(30, scene.increment + 10)
        self.strained_max = ceiling.HOLD_AFTER // scene.dt + 2
        self.pulse, self.strained = (CALM if scene.heart else -1), 0
        self.log: list[str] | None = None
        self.acts = ACTS
        self.sid = core.number(scene.session())
        self.speed = self.target = self.last = self.deck = self.slope = 0
        self.starting = self.stuck = self.late = -1
        self.ours = self.muted = self.deaf = self.confirms = self.touched = 0
        self.told = self.told_age = self.blind = self.over = self.grave = self.ended = 0
        self.asked = 0
        self.barred = 1
        self.air: list[Entry] = []

    # --- states ------------------------------------------------------------------------------------
    def dump(self) -> State:
        """The state as a tuple."""
        return (
            self.sid, self.speed, self.target, self.starting, self.ours, self.last, self.deck,
            self.slope, self.muted, self.stuck, self.deaf, self.late, tuple(self.air), self.confirms,
            self.touched, self.told, self.told_age, self.blind, self.over, self.barred, self.grave,
            self.ended, self.asked, self.pulse, self.strained,
        )  # fmt: skip

    def load(self, state: State) -> None:
        """Be in this state."""
        (
            self.sid, self.speed, self.target, self.starting, self.ours, self.last, self.deck,
            self.slope, self.muted, self.stuck, self.deaf, self.late, air, self.confirms,
            self.touched, self.told, self.told_age, self.blind, self.over, self.barred, self.grave,
            self.ended, self.asked, self.pulse, self.strained,
        ) = state  # type: ignore[assignment]  # fmt: skip
        self.air = list(air)  # type: ignore[call-overload]

    # --- what may happen ---------------------------------------------------------------------------
    def moves(self, budget: int) -> list[tuple[str, int]]:  # noqa: C901, PLR0912  a list of cases
        """What may happen here, and how many acts of bad luck it is; `budget` of these are left."""
        view = self.core.views[self.sid]
        phase, linked = view.phase, view.linked
        out = [("round", 0)]
        add = out.append
        if any(entry[3] == SLOW for entry in self.air):
            add(("round wait", 0))
        if phase is Phase.IDLE or phase is Phase.FINISHED:
            add(("start", 0))
        elif phase is Phase.ARMED:
            add(("confirm", 0))
        elif phase is Phase.FAULTED:
            add(("acknowledge", 0))
        elif not view.owed and (phase is Phase.TURNING or phase is Phase.HOLDING):
            add(("confirm", 0))
        if not linked:
            add(("link up", 0))
        if not view.bus:
            add(("broker up", 0))
        if self.muted:
            add(("frames again", 0))
        if self.stuck >= 0:
            add(("frames true again", 0))
        if self.deaf:
            add(("cues heard again", 0))
        if self.scene.heart and self.pulse != CALM:
            add(("pulse calm", 0))
        if budget:
            groups = self.scene.groups
            for name, group, needs_link, phases in self.acts:
                if group in groups and (linked or not needs_link) and phase in phases:
                    add((name, 0 if group == "ghosts" else 1))
            if linked and "answers" in groups:
                for index, entry in enumerate(self.air[:2]):
                    if entry[3] == FRESH:
                        kinds = _BAD[entry[1]]
                        out += [(f"{bad} {index}", 1) for bad in kinds]
        return out

    def do(self, move: str) -> None:
        """Let it happen.

        Raises:
            Broken: and it should not have.
        """
        if move not in _METHODS:
            raise LookupError(f"no such move: {move!r}")
        method, arguments = _METHODS[move]
        method(self, *arguments)

    # --- time --------------------------------------------------------------------------------------
    def round(self, bad: str = "", at: int = 0, frame: str = "") -> None:
        """One `dt` passes; `bad` happens to the procedure number `at` in the air."""
        self.move_belt()
        sent = len(self.air)
        self.beat()
        self.fold(("tick", self.scene.dt, 0))
        self.answer_air(sent, bad, at)
        self.deliver(frame)
        self.listen()
        self.check_round()

    def beat(self) -> None:
        """What the strap says in this round."""
        view = self.core.views[self.sid]
        if not view.owed or view.phase not in STEERED or self.pulse == CALM:
            self.strained = 0
        elif self.pulse > CALM or self.strained >= self.strained_max:
            self.strained = min(self.strained + 1, self.strained_max)
        else:
            self.strained = 0
        if self.pulse >= 0:
            self.fold(("pulse", self.pulse))

    def feel(self, pulse: int) -> None:
        """The heart beats otherwise from now on, or nobody feels it."""
        self.pulse = pulse

    def move_belt(self) -> None:
        """The physics of one round."""
        if self.starting > 0:
            self.starting -= 1
        elif self.starting == 0:
            self.starting = -1
            scene = self.scene
            first = scene.start_speed or scene.floor
            self.target = self.last if scene.remembers and self.last else first
        if self.speed < self.target:
            self.speed = min(self.target, self.speed + self.gain)
        elif self.speed > self.target:
            self.speed = max(self.target, self.speed - self.brake)
        if self.deck != self.slope:
            self.deck += 5 if self.deck < self.slope else -5
        if self.ours and not self.speed and not self.target and self.starting < 0:
            self.ours = 0
        if self.touched and (self.target or not self.speed):
            self.touched -= 1  # while it coasts after a press, nobody can know where it is going
        if self.told and self.told_age < self.told_max:
            self.told_age += 1

    def answer_air(self, sent: int, bad: str, at: int) -> None:
        """Whatever is in the air is answered, in the order in which it was sent."""
        index = 0
        for number in range(sent):
            if index >= len(self.air):
                break
            name, kind, value, manner, age = self.air[index]
            how = bad if number == at and manner == FRESH else ""
            if manner == SLOW and bad == "wait" and len(self.air) == 1 and age < self.answer:
                self.air[index] = (name, kind, value, SLOW, age + 1)
                index += 1
            elif manner == MUTE and age < self.answer:
                self.air[index] = (name, kind, value, MUTE, age + 1)
                index += 1
            elif how == "slow" and len(self.air) == 1:
                self.air[index] = (name, kind, value, SLOW, 1)
                index += 1
            elif how in {"lost", "void"}:
                if how == "lost":
                    self.obey(kind, value)
                self.air[index] = (name, kind, value, MUTE, 1)
                index += 1
            else:
                del self.air[index]
                self.conclude((name, kind, value, manner, age), how)

    def conclude(self, entry: Entry, how: str) -> None:
        """The machine does what it was told, or not, and answers, or not."""
        name, kind, value, manner, age = entry
        if not how and manner in {FRESH, SLOW} and self.denies(kind):
            how = "denied"
        if manner not in {MUTE, DONE} and how not in {"refused", "denied", "hollow"}:
            self.obey(kind, value)
        elif kind == SPEED and self.told:
            self.told = self.target  # it said no: what it was told before is what counts
        if how == "unanswered" or not name:
            return
        late = manner == MUTE or (manner == SLOW and age >= self.answer)
        verdict, detail = _ANSWERS.get(how, (Verdict.UNKNOWN if late else Verdict.CONFIRMED, ""))
        if how == "denied":
            if kind == START:
                self.confirms = 1  # not carried out: it may be tried again on the same confirm
            # Result 05 says that somebody else is in control: what the belt does then is theirs.
            ours, self.ours = self.ours, 0
            self.fold(("outcome", name, verdict, detail))
            if self.core.views[self.sid].phase is not Phase.HANDED_OVER:
                self.ours = ours
            return
        self.fold(("outcome", name, verdict, detail))

    def obey(self, kind: int, value: int) -> None:
        """What the machine does with a command."""
        scene = self.scene
        if kind == CONTROL_ASK and scene.coy:
            self.asked = min(self.asked + 1, 2)
        if self.denies(kind):
            return
        moves = self.speed > 0 or self.target > 0
        if kind == SPEED and moves:
            self.target = int(value * MPH) if scene.mph else value
        elif kind == INCLINE:
            self.slope = value
        elif kind == START and not moves and self.starting < 0:
            self.starting = scene.delay // scene.dt
            self.ours = 1
        elif kind == STOP:
            if self.starting >= 0 and scene.commits:
                return  # it is answered, and the belt starts all the same
            if self.target or self.starting >= 0:
                self.last = self.speed if scene.remembers else 0
                self.target, self.starting = 0, -1
            elif self.speed and scene.toggles:
                self.target = scene.floor

    def denies(self, kind: int) -> bool:
        """A coy machine means what it grants at the second request only."""
        return self.scene.coy and kind != CONTROL_ASK and self.asked < 2

    def deliver(self, manner: str) -> None:
        """The frame of this round; one that was held back comes first."""
        if not self.core.views[self.sid].linked:
            return
        if self.late >= 0:
            held, self.late = self.late, -1
            self.frame(held)
        if manner == "held" and not self.muted:
            self.late = self.shown()
        if self.muted or manner:
            self.blind = min(self.blind + 1, self.blind_max)
            return
        self.blind = 0
        self.frame(self.shown())

    def shown(self) -> int:
        """What the machine says its speed is."""
        if self.stuck >= 0:
            return self.stuck
        return self.target if self.scene.shows_target and self.target and self.speed else self.speed

    def frame(self, speed: int) -> None:
        """One record of telemetry."""
        scene = self.scene
        deck = self.deck if scene.tilts else None
        advances = speed > 0 and self.stuck < 0
        self.fold(("frame", speed, deck, advances, scene.counts))

    def listen(self) -> None:
        """Somebody hears the cue that waits."""
        if not self.deaf and self.core.views[self.sid].awaits_cue:
            self.fold(("heard",))

    # --- people ------------------------------------------------------------------------------------
    def ask(self, ask: Ask) -> None:
        """A person asks."""
        self.fold(("ask", ask))

    def press(self, what: str, told: bool) -> None:  # noqa: FBT001  part of the move's name
        """Somebody at the console; the machine says so, or not."""
        grid = self.scene
        self.ours = 0
        self.touched = 3_000 // grid.dt + 1
        status, value = Status.STOPPED_BY_USER, None
        if what == "up" and self.target:
            self.target = min(self.target + grid.increment, grid.top)
            status, value = Status.TARGET_SPEED, self.target
        elif what == "down" and self.target:
            self.target = max(self.target - grid.increment, grid.floor)
            status, value = Status.TARGET_SPEED, self.target
        elif what == "start" and not self.target and self.starting < 0:
            self.starting, self.told = 0, 0
            status = Status.STARTED_BY_USER
        elif what == "stop" and (self.target or self.starting >= 0):
            self.target, self.starting = 0, -1
        elif what == "key":
            self.target, self.starting = 0, -1
            status = Status.SAFETY_KEY
        elif what == "taken":
            status = Status.CONTROL_LOST
        else:
            told = False
        if told and self.core.views[self.sid].linked:
            # A belt that an earlier life of ours left moving is brought down, whoever takes control.
            takes = what in {"stop", "key", "taken"} and not self.core.views[self.sid].adopted
            self.fold(("status", status, value))
            if takes:
                self.barred = 1

    def tilt(self, where: int) -> None:
        """Somebody, or the machine itself, changes the slope."""
        self.slope = where

    # --- the air -----------------------------------------------------------------------------------
    def link_up(self) -> None:
        """A connection, also one that replaces another that nobody missed."""
        self.air = []
        self.confirms = self.muted = self.blind = self.asked = 0
        self.stuck = self.late = -1
        self.fold(("link_up", "ours"))

    def link_down(self, reached: bool) -> None:  # noqa: FBT001  part of the move's name
        """The connection breaks before, or after, what was in the air reached the machine."""
        for _, kind, value, manner, _ in self.air:
            if reached and manner not in {MUTE, DONE}:
                self.obey(kind, value)
        self.air = []
        self.confirms = self.blind = 0
        self.stuck = self.late = -1
        self.muted = 0
        self.fold(("link_down",))

    def broker(self, there: bool) -> None:  # noqa: FBT001  part of the move's name
        """The broker comes or goes."""
        self.fold(("bus", there))

    def mute(self, on: int) -> None:
        """Frames stay away."""
        self.muted = on

    def stick(self, on: bool) -> None:  # noqa: FBT001  part of the move's name
        """The machine repeats itself."""
        if self.stuck == 0:
            self.late = -1  # a held frame would be one more lie
        self.stuck = self.shown() if on else -1
        self.touched = max(
            self.touched, 2
        )  # whatever happened meanwhile comes to light with a frame

    def deafen(self, on: int) -> None:
        """Nobody takes the cues."""
        self.deaf = on

    # --- the host ----------------------------------------------------------------------------------
    def stall(self, rounds: int) -> None:
        """The control loop stands still; then everything that waited arrives at once."""
        for index, (name, kind, value, manner, age) in enumerate(self.air):
            if manner in {FRESH, SLOW}:  # the machine does not wait for us
                self.obey(kind, value)
                self.air[index] = (name, kind, value, DONE, age)
        frames, touched = [], self.touched
        for _ in range(rounds):
            self.move_belt()
            frames.append(self.shown())
        self.touched = touched  # nobody could know
        self.strained = 0
        sent = len(self.air)
        self.fold(("tick", rounds * self.scene.dt, 0))
        if self.core.views[self.sid].linked and not self.muted:
            for shown in frames:
                self.frame(shown)
        self.answer_air(sent, "", 0)
        self.listen()

    def sleep(self, rounds: int) -> None:
        """The host is suspended; its monotonic clock does not see it."""
        touched = self.touched
        for _ in range(rounds):
            self.move_belt()
        self.touched = touched  # nobody could know
        self.strained = 0
        self.fold(("tick", 0, rounds * self.scene.dt))

    def crash(self, rounds: int) -> None:
        """The process dies and comes back."""
        for _, kind, value, manner, _ in self.air:
            if manner not in {MUTE, DONE}:
                self.obey(kind, value)
        self.air = []
        for _ in range(rounds):
            self.move_belt()
        self.confirms = self.muted = self.deaf = self.blind = self.over = self.grave = (
            self.ended
        ) = 0
        self.told = self.told_age = self.strained = 0
        self.stuck = self.late = -1
        self.fold(("crash", rounds * self.scene.dt))
        # A belt that the new life recognises is brought down; nothing else may be told to anything.
        self.barred = int(not self.core.views[self.sid].adopted)

    def shut_down(self) -> None:
        """The service is told to end."""
        self.ended = 1
        self.fold(("shutdown",))

    def ghost(self, what: str) -> None:
        """A connection that is gone still talks."""
        self.fold(("ghost", what, 0) if what == "frame" else ("ghost", what))

    # --- judgement ---------------------------------------------------------------------------------
    def fold(self, stimulus: Stimulus) -> None:  # noqa: C901, PLR0912  a list of promises
        """Let the session meet an event, judge what it does, and put its commands into the air."""
        core = self.core
        before = core.views[self.sid]
        effect = core.fold(self.sid, stimulus)
        if effect.sid == self.sid and not effect.wishes:
            return
        self.sid = effect.sid
        after = core.views[self.sid]
        if self.air and not (effect.pending and effect.control):
            gone = (not effect.pending, not effect.control)
            self.air = [
                (0, *entry[1:]) if entry[0] and gone[entry[0] - 1] else entry for entry in self.air
            ]
        if self.log is not None:
            self.tell(stimulus)
        if self.scene.console and before.phase is Phase.STARTING and after.phase is Phase.RUNNING:
            self.ours = 1  # the walker started it for us
        if effect.code == "countdown":
            self.confirms, self.barred, self.told, self.told_age = 1, 0, 0, 0
        if effect.grave and before.phase in UNDERWAY and after.phase is not Phase.HANDED_OVER:
            self.grave = 1
        if effect.code == "acknowledged":
            self.grave = 0
            if before.debtor or self.blind * self.scene.dt > BLIND:
                self.ours = 0  # asked to look, a person says that it stands
        elif self.grave and effect.code in {"armed", "countdown"}:
            raise Broken("a new start although a fault was not acknowledged")
        elif before.fault and not after.fault and stimulus[0] != "crash":
            raise Broken("a fault cleared itself")
        for wish in effect.wishes:
            self.judge(wish)
        if after.phase is Phase.HANDED_OVER:
            self.barred = 1
        if self.ours and not after.owed and not after.adopted and self.alive():
            if self.stuck == 0:
                self.ours = 0  # it moves and says that it stands: residual risk, nobody can know
                return
            raise Broken(f"our belt moves, at {self.speed}, and the session does not owe it a rest")

    def alive(self) -> bool:
        """The belt moves or is going to."""
        return self.speed > 0 or self.target > 0 or self.starting >= 0

    def judge(self, wish: Wish) -> None:  # noqa: C901  a list of promises
        """A command was ordered: may it be?"""
        kind = wish.kind
        if not wish.granted:
            raise Broken(f"the planner wanted what the gate refuses: {_NAMES[kind]}, {wish.rule}")
        if not self.core.views[self.sid].linked:
            raise Broken(f"{_NAMES[kind]} without a connection")
        if kind == STOP:
            self.barred = 1
        elif kind != CONTROL_ASK:
            if self.barred:
                raise Broken(f"{_NAMES[kind]} although the belt was stopped or handed over")
            for _, other, _, _, age in self.air:
                if other not in {CONTROL_ASK, STOP} and age < self.answer:
                    raise Broken("two procedures at a time")
        if kind == SPEED:
            self.judge_speed(wish.value)
        elif kind == INCLINE and not 0 <= wish.value <= (10 if self.scene.tilts else 0):
            raise Broken(f"incline {wish.value}")
        elif kind == START:
            self.judge_start()
        self.air.append((wish.name, kind, wish.value, FRESH, 0))

    def judge_speed(self, target: int) -> None:
        """Never above the cap, off the grid, or a jump."""
        scene = self.scene
        # A new life does not know the program's cap; it brings down whatever it finds, step by step.
        lowers = target < self.speed and not self.core.views[self.sid].planned
        if target > scene.cap and not lowers:
            raise Broken(f"{target} is above the cap {scene.cap}")
        if target < scene.floor or (target - scene.floor) % scene.increment:
            raise Broken(f"{target} is no speed of this machine")
        # What somebody at the console raised meanwhile is no rise of ours.
        rise = target - max(self.told, self.target)
        if self.strained >= self.strained_max and self.told and rise > 0:
            raise Broken("faster, with a heart above its ceiling")
        if self.grave and self.told and rise > 0:
            raise Broken("faster, after an alarm that slows down or stops")
        if self.told and rise > 0 and rise * 1_000 > 10 * self.told_age * scene.dt:
            raise Broken(f"a rise of {rise} after {self.told_age * scene.dt} ms")
        honest = not (self.touched or self.muted or self.blind > 1 or scene.mph)
        if honest and self.stuck < 0 and self.late < 0:
            if target - max(self.speed, self.target) > self.stride:
                raise Broken(f"{target} to a belt at {self.speed}")
            if not self.alive():
                raise Broken(f"{target} to a standing belt")
        self.told, self.told_age = target, 0

    def judge_start(self) -> None:
        """Only to a standing belt, on one confirm, on the connection that it was given on."""
        # A belt that moves and keeps saying that it stands cannot be told from one that stands.
        if (self.speed or self.target or self.starting >= 0) and not self.touched and self.stuck:
            raise Broken(f"Start to a belt at {self.speed}")
        if self.confirms != 1:
            raise Broken("Start without a confirm of this connection that was not used before")
        if self.ended:
            raise Broken("Start after the shutdown")
        if self.scene.console:
            raise Broken("Start to a machine that is started at its console")
        self.confirms, self.told, self.told_age = 0, 0, 0

    def check_round(self) -> None:
        """What must hold after every round."""
        view = self.core.views[self.sid]
        phase, scene, fresh = view.phase, self.scene, not self.blind
        if self.blind >= self.blind_max and view.owed and view.linked and phase in STEERED:
            raise Broken(f"no telemetry for {self.blind * scene.dt} ms while {phase}")
        if not (view.owed and view.linked):
            self.blind = 0
        if self.speed <= scene.cap + OVER:
            self.over = 0
            return
        if self.ours and not scene.remembers and scene.start_speed <= scene.cap:
            raise Broken(f"the belt runs at {self.speed} because of us, above {scene.cap}")
        # A new life does not know the program, whose cap this is; it knows the site's, which is higher.
        seen = view.linked and view.planned and fresh and self.stuck < 0 and phase in WATCHED
        self.over = self.over + 1 if seen else 0
        # Each further act of bad luck may cost a command, 3 s for its answer, and RETRY before the next.
        if self.over * scene.dt > 4_000 + 9_000 * (scene.budget - 1):
            raise Broken(f"the belt runs at {self.speed} and nobody stops it")

    # --- peace -------------------------------------------------------------------------------------
    def make_peace(self) -> None:
        """All bad luck ends, and somebody asks for Stop."""
        self.muted, self.stuck, self.deaf = 0, -1, 0
        if not self.core.views[self.sid].bus:
            self.broker(there=True)
        if not self.core.views[self.sid].linked:
            self.link_up()
        self.ask(Ask.STOP)

    def at_rest(self) -> bool:
        """The belt stands, nothing is in the air, and the session knows it."""
        view = self.core.views[self.sid]
        return not self.alive() and not self.air and not view.owed and view.phase in SETTLED

    def check_end(self) -> None:
        """After Stop and rest: a fault waits for its acknowledgement."""
        view = self.core.views[self.sid]
        if (self.grave or view.fault) and view.phase is not Phase.FAULTED:
            raise Broken(f"an alarm was given, and the session ended as {view.phase}")

    # --- stories -----------------------------------------------------------------------------------
    def tell(self, stimulus: Stimulus) -> None:
        """Note what happened, for people."""
        from safety.model.story import say  # noqa: PLC0415  a story needs a world, and this a story

        if self.log is None:
            return
        if stimulus[0] not in {"tick", "heard"}:
            self.log.append(
                "                    event: " + " ".join(str(part) for part in stimulus)
            )
        for notice in self.core.notices:
            self.log.append(f"                    says: {say(notice)}")


_ANSWERS: Final = {
    "refused": (Verdict.REJECTED, "refused: failed"),
    "denied": (Verdict.REJECTED, CONTROL_DENIED),
}
_NAMES: Final = ("request control", "a speed", "an incline", "Start", "Stop")
_ORDINARY: Final = ("refused", "denied", "hollow", "lost", "void", "slow", "unanswered")
_BAD: Final[tuple[tuple[str, ...], ...]] = (
    ("refused", "unanswered"),
    _ORDINARY,
    _ORDINARY,
    _ORDINARY,
    ("refused", "hollow", "lost", "void", "slow", "unanswered"),
)
"""What can happen to each kind of command on its way."""

_ELSEWHERE: Final = frozenset({Ask.SELECT, Ask.PRESENT, Ask.SPEED, Ask.VOICE, Ask.FEEDBACK})
"""Asks that move nothing, and SPEED: several times faster or slower at once, which are searched."""

ACTS: Final[tuple[tuple[str, str, bool, frozenset[Phase]], ...]] = (
    *((str(ask), "people", False, ALL) for ask in Ask if ask not in _ELSEWHERE),
    ("round dropped", "air", True, ALL),
    ("round held", "air", True, ALL),
    ("frames stay away", "air", True, ALL),
    ("frames repeat", "air", True, ALL),
    ("link down", "link", True, ALL),
    ("link down late", "link", True, ALL),
    ("link up", "link", True, ALL),
    ("ghost frame", "ghosts", True, ALL),
    ("ghost outcome", "ghosts", True, ALL),
    ("ghost down", "ghosts", True, ALL),
    ("ghost up", "ghosts", True, ALL),
    ("broker down", "broker", False, ALL),
    ("cues unheard", "cues", False, ALL),
    ("stall 2", "clock", False, ALL),
    ("stall 4", "clock", False, ALL),
    ("sleep 5", "clock", False, ALL),
    ("crash 2", "life", False, ALL),
    ("shutdown", "life", False, ALL),
    *(
        (f"console {what}{told}", "console", False, ALL)
        for what in ("up", "down", "start", "stop", "key", "taken")
        for told in ("", " silent")
        if (what, told) != ("taken", " silent")
    ),
    ("deck up", "deck", False, ALL),
    ("deck down", "deck", False, ALL),
    ("pulse high", "heart", False, WATCHED),
    ("pulse lost", "heart", False, WATCHED),
)
"""Bad luck, and people: name, group, whether it needs a connection, and the phases."""

_METHODS: Final[dict[str, tuple[Callable[..., None], tuple[object, ...]]]] = {
    "round": (World.round, ()),
    "round wait": (World.round, ("wait",)),
    "round dropped": (World.round, ("", 0, "dropped")),
    "round held": (World.round, ("", 0, "held")),
    "frames stay away": (World.mute, (1,)),
    "frames again": (World.mute, (0,)),
    "frames repeat": (World.stick, (True,)),
    "frames true again": (World.stick, (False,)),
    "cues unheard": (World.deafen, (1,)),
    "cues heard again": (World.deafen, (0,)),
    "link up": (World.link_up, ()),
    "link down": (World.link_down, (False,)),
    "link down late": (World.link_down, (True,)),
    "broker up": (World.broker, (True,)),
    "broker down": (World.broker, (False,)),
    "stall 2": (World.stall, (2,)),
    "stall 4": (World.stall, (4,)),
    "sleep 5": (World.sleep, (5,)),
    "crash 2": (World.crash, (2,)),
    "shutdown": (World.shut_down, ()),
    "deck up": (World.tilt, (20,)),
    "deck down": (World.tilt, (-10,)),
    "pulse high": (World.feel, (HIGH,)),
    "pulse lost": (World.feel, (-1,)),
    "pulse calm": (World.feel, (CALM,)),
    **{str(ask): (World.ask, (ask,)) for ask in Ask},
    **{f"ghost {what}": (World.ghost, (what,)) for what in ("frame", "outcome", "down", "up")},
    **{
        f"console {what}{told}": (World.press, (what, not told))
        for what in ("up", "down", "start", "stop", "key", "taken")
        for told in ("", " silent")
    },
    **{
        f"{bad} {index}": (World.round, (bad, index))
        for bad in _ORDINARY
        for index in range(2)
    },
}  # fmt: skip
