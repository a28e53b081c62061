"""The session as others see it: payloads made from state, and nothing decided.

Only what has changed is worth a message: `State` payloads are compared without their time and number.
"""

from __future__ import annotations

from msgspec.structs import replace

from backstride import __version__
from backstride.domain.ceiling import heart_rate_of
from backstride.domain.envelope import envelope
from backstride.domain.evidence import incline_of
from backstride.domain.notices import URGENCY, Alarm, Cue, CueKind, Notice
from backstride.domain.session import Phase, Session
from backstride.domain.units import Ms
from backstride.domain.walker import Walker
from backstride.domain.workout import Program
from backstride.mqtt import quantities, schema
from backstride.service import body, moment, surroundings
from backstride.service.account import Account
from backstride.service.languages import read_language
from backstride.service.settings import Guidance
from backstride.service.words import Words, words


class View:
    """Makes the payloads of one treadmill in one life of the daemon."""

    def __init__(self, treadmill: str, boot: str, guidance: Guidance) -> None:
        self.treadmill = treadmill
        self.boot = boot
        self._seq = 0
        self._event = 0
        self._cue: schema.CueState | None = None
        self._alarm: schema.AlarmState | None = None
        self.over: schema.SessionSummary | None = None
        """The newest session that is over."""
        self._started: str | None = None
        self.account = Account()
        """What the present or the last session adds up to."""
        self._voice = True
        self._guidance = guidance
        self._person: Walker | None = None

    def note(self, notice: Notice) -> None:
        """Remember what the state should show of a notice."""
        match notice:
            case Cue(kind=kind) if kind is not CueKind.BEEP:  # it announces nothing new
                spoken = self._words.render(notice)
                self._cue = schema.CueState(
                    number=notice.number, kind=kind, text=spoken.text, language=spoken.language
                )
            case Alarm():
                self._alarm = schema.AlarmState(
                    cause=notice.cause, sentence=notice.sentence, latched=False
                )
            case _:
                pass

    def follow(self, before: Session, after: Session) -> None:
        """Keep what later payloads need of the session."""
        self._voice = after.voice
        self._person = after.person
        self.account.follow(before, after)

    @property
    def _words(self) -> Words:
        """The words of whoever walks, as far as they told, else of the site."""
        person, site = self._person, self._guidance
        language = None if person is None else read_language(person.language)
        units = None if person is None else person.units
        return words(language or site.language, units or site.units)

    def state(self, s: Session, now: Ms, time: str) -> schema.State:
        """Everything about this moment."""
        self._seq += 1
        return schema.State(
            boot=self.boot,
            seq=self._seq,
            time=time,
            phase=s.phase,
            stage=moment.stage(s),
            sentence=moment.sentence(s),
            program=s.program.id if s.program else None,
            program_name=s.program.name if s.program else None,
            speed=moment.speeds(s),
            incline=schema.InclineState(
                measured=quantities.percent(incline_of(s.evidence, s.machine)),
                target=quantities.percent(s.drive.incline) if s.owed else None,
                cap=quantities.percent(s.envelope.incline.value) if s.envelope else None,
            ),
            age=moment.age(s, now),
            script=moment.script(s),
            step=moment.step(s),
            next=moment.following(s),
            cue=self._cue,
            alarm=self._alarm_of(s),
            holding=tuple(str(cause) for cause in s.holds),
            distance=self.account.distance if s.program else s.evidence.distance,
            elapsed=s.walked / 1_000 if s.program else None,
            heart_rate=heart_rate_of(s),
            heart=body.heart(s),
            cost=body.cost(s, self.account),
            energy=None if s.evidence.energy is None else float(s.evidence.energy),
            voice=s.voice,
            link=s.linked,
            machine=(s.machine.name or s.machine.address) if s.machine else None,
        )

    def _alarm_of(self, s: Session) -> schema.AlarmState | None:
        if s.fault is not None:
            return schema.AlarmState(cause=s.fault.cause, sentence=s.fault.sentence, latched=True)
        if not s.findings and s.phase is not Phase.HANDED_OVER:
            self._alarm = None
        return self._alarm

    def connection(
        self, s: Session, time: str, *, stage: str, reason: str | None, rssi: int | None
    ) -> schema.Connection:
        """The radio link, and why it is down."""
        return schema.Connection(
            boot=self.boot,
            time=time,
            up=s.linked,
            stage=stage,
            address=s.machine.address if s.machine else None,
            name=s.machine.name if s.machine else None,
            rssi=rssi,
            epoch=s.epoch,
            reason=None if s.linked else reason,
        )

    def info(self, s: Session, demands: tuple[str, ...], refused: dict[str, int]) -> schema.Info:
        """What this daemon and this treadmill are, the limits in force, and what was refused."""
        limits = s.envelope
        if limits is None and s.machine is not None:
            limits = envelope(s.site, s.machine, s.walker, None, s.person)
        return schema.Info(
            boot=self.boot,
            id=self.treadmill,
            version=__version__,
            schemas=schema.VERSIONS,
            capabilities=tuple(dict.fromkeys((*surroundings.capabilities(s.machine), *demands))),
            refused=refused,
            machine=surroundings.machine(s.machine),
            limits=surroundings.limits(limits),
        )

    def programs(self, s: Session, programs: tuple[Program, ...]) -> schema.Programs:
        """The programs on offer, each with what keeps it from running here."""
        return schema.Programs(
            programs=tuple(surroundings.offer(program, s) for program in programs),
            selected=s.selected.id if s.selected else None,
        )

    def summary(self, s: Session, time: str) -> schema.SessionSummary | None:
        """The present or the last session; None before the first."""
        if s.program is None:
            self._started = None
            return None
        if s.phase is Phase.ARMED:
            self._started = None
        over = s.phase in {Phase.FINISHED, Phase.FAULTED, Phase.OFFLINE}
        self._started = self._started or time
        cost = body.cost(s, self.account)
        summary = schema.SessionSummary(
            boot=self.boot,
            program=s.program.id,
            program_name=s.program.name,
            started=self._started,
            ended=time if over else None,
            outcome=s.ended_by if over else None,
            walked=s.walked / 1_000,
            backward=self.account.backward / 1_000,
            distance=self.account.distance,
            top_speed=quantities.kmh(s.top_speed),
            energy=cost.kcal if cost else None,
            cost=cost,
        )
        if over:
            self.over = summary
        return summary

    def cue(self, cue: Cue, time: str) -> schema.CueNote:
        """What to say and show now, in the language of whoever walks."""
        spoken = self._words.render(cue)
        return schema.CueNote(
            number=cue.number,
            time=time,
            kind=cue.kind,
            text=spoken.text,
            language=spoken.language,
            speech=spoken.speech,
            urgency=URGENCY[cue.kind],
            speed=quantities.kmh(cue.speed),
            within=quantities.seconds(cue.within),
            voice=self._voice or cue.kind is CueKind.ALARM,
        )

    def event(
        self, time: str, kind: str, sentence: str, **data: str | float | bool | None
    ) -> schema.EventNote:
        """Something that happened, numbered."""
        self._event += 1
        return schema.EventNote(
            boot=self.boot, number=self._event, time=time, kind=kind, sentence=sentence, data=data
        )


def same(before: schema.State | None, after: schema.State) -> bool:
    """Nothing that a person could see has changed."""
    if before is None:
        return False
    return replace(before, seq=0, time="", age=None) == replace(after, seq=0, time="", age=None)
