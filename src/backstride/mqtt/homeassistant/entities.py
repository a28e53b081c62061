"""The entities of one treadmill: what Home Assistant shows, and what it can ask for."""

from __future__ import annotations

from collections import Counter
from typing import Final

from msgspec.structs import replace

from backstride.domain.events import Ask
from backstride.domain.session import Phase
from backstride.mqtt import topics
from backstride.mqtt.homeassistant import templates
from backstride.mqtt.homeassistant.builder import GROWING, MEASURED, Builder
from backstride.mqtt.homeassistant.payload import Component, Platform
from backstride.mqtt.offers import RangeInfo
from backstride.mqtt.schema import Programs

EVENTS: Final = ("alarm", "moved", "refused")
"""Kinds of events that the event entity passes on."""

_BUTTONS: Final[tuple[tuple[Ask, str, str], ...]] = (
    (Ask.START, "Start", "mdi:play"),
    (Ask.CONFIRM, "Confirm", "mdi:check-bold"),
    (Ask.PAUSE, "Pause", "mdi:pause"),
    (Ask.CONTINUE, "Continue", "mdi:play-pause"),
    (Ask.SKIP, "Skip", "mdi:skip-next"),
    (Ask.FASTER, "Faster", "mdi:plus"),
    (Ask.SLOWER, "Slower", "mdi:minus"),
    (Ask.FINISH, "Finish", "mdi:flag-checkered"),
    (Ask.PRESENT, "Present", "mdi:hand-wave"),
    (Ask.ACKNOWLEDGE, "Acknowledge", "mdi:alert-circle-check"),
)


class Entities(Builder):
    """Builds the components of one treadmill."""

    def quantities(self) -> dict[str, Component]:
        """What every treadmill measures."""
        sensor = Platform.SENSOR
        speed = self.entity(sensor, "speed", "Speed", "mdi:speedometer-slow")
        time = self.entity(sensor, "time", "Time", "mdi:timer-outline")
        step = self.entity(sensor, "step_remaining", "Step remaining", "mdi:timer-sand")
        return {
            "speed": replace(
                self.measured(speed, "speed.measured", "km/h", MEASURED),
                device_class="speed",
                suggested_display_precision=1,
            ),
            "time": replace(
                self.measured(time, "elapsed", "s", GROWING),
                device_class="duration",
                suggested_display_precision=0,
            ),
            "step_remaining": replace(
                self.measured(step, "step.remaining", "s", None),
                device_class="duration",
                suggested_display_precision=0,
            ),
        }

    def words(self) -> dict[str, Component]:
        """What is going on, what was answered, what happened."""
        phase = self.entity(Platform.SENSOR, "phase", None, "mdi:walk")
        answer = self.entity(Platform.SENSOR, "answer", "Answer", "mdi:message-text")
        session = self.entity(Platform.EVENT, "session", "Session", "mdi:walk")
        return {
            "phase": replace(
                self.shown(phase, templates.show("phase")),
                device_class="enum",
                options=tuple(each.value for each in Phase),
                json_attributes_topic=self.topic(topics.STATE),
                json_attributes_template=templates.MOMENT,
            ),
            "answer": replace(
                self.shown(answer, templates.ANSWER, topics.RESPONSE),
                json_attributes_topic=self.topic(topics.RESPONSE),
                json_attributes_template=templates.REPLY,
            ),
            "session": replace(
                self.shown(session, templates.show_event(EVENTS), topics.EVENT),
                event_types=EVENTS,
            ),
        }

    def health(self) -> dict[str, Component]:
        """Whether something is wrong, and the radio link."""
        link = self.entity(Platform.BINARY_SENSOR, "link", "Link", "mdi:bluetooth-connect")
        problem = self.entity(Platform.BINARY_SENSOR, "problem", "Problem", "mdi:alert-circle")
        signal = self.entity(Platform.SENSOR, "signal", "Signal", "mdi:bluetooth")
        host = self.entity(Platform.BINARY_SENSOR, "host", "Host", "mdi:raspberry-pi")
        return {
            "host": replace(
                self.shown(host, templates.show_flag("faults"), topics.HEALTH),
                device_class="problem",
                entity_category="diagnostic",
                json_attributes_topic=self.topic(topics.HEALTH),
                json_attributes_template=templates.HOST,
            ),
            "link": replace(
                self.shown(link, templates.show_flag("up"), topics.CONNECTION),
                device_class="connectivity",
                entity_category="diagnostic",
            ),
            "problem": replace(
                self.shown(problem, templates.show_flag("alarm")),
                device_class="problem",
                json_attributes_topic=self.topic(topics.STATE),
                json_attributes_template=templates.ALARM,
            ),
            "signal": replace(
                self.measured(signal, "rssi", "dBm", MEASURED),
                state_topic=self.topic(topics.CONNECTION),
                device_class="signal_strength",
                entity_category="diagnostic",
                enabled_by_default=False,
            ),
        }

    def optional(self) -> tuple[tuple[str, str, Component], ...]:
        """What only some machines have: the capability, the component's key, the component."""
        entity, sensor = self.entity, Platform.SENSOR
        distance = entity(sensor, "distance", "Distance", "mdi:map-marker-distance")
        incline = entity(sensor, "incline", "Incline", "mdi:slope-uphill")
        heart = entity(sensor, "heart_rate", "Heart rate", "mdi:heart-pulse")
        return (
            (
                "distance",
                "distance",
                replace(self.measured(distance, "distance", "m", GROWING), device_class="distance"),
            ),
            (
                "incline",
                "incline",
                replace(
                    self.measured(incline, "incline.measured", "%", MEASURED),
                    suggested_display_precision=1,
                ),
            ),
            (
                "telemetry.heart_rate",
                "heart_rate",
                self.measured(heart, "heart_rate", "bpm", MEASURED),
            ),
        )

    def buttons(self) -> dict[str, Component]:
        """One for each command that needs no value. `stop` is a constant, in which nothing can fail."""
        found = {
            ask.value: self.commanding(
                self.entity(Platform.BUTTON, ask.value, name, icon),
                templates.command(ask),
                machine=ask is not Ask.ACKNOWLEDGE,  # a fault outlives the link
            )
            for ask, name, icon in _BUTTONS
        }
        return found | {
            "stop": replace(
                self.entity(Platform.BUTTON, "stop", "Stop", "mdi:stop"),
                command_topic=self.topic(topics.COMMAND),
                payload_press=Ask.STOP.value,
            )
        }

    def voice(self) -> Component:
        """Whether cues are said aloud."""
        switch = self.entity(Platform.SWITCH, "voice", "Voice", "mdi:account-voice")
        return self.commanding(
            self.shown(switch, templates.show_flag("voice")),
            templates.command_voice(),
            machine=False,
        )

    def program(self, programs: Programs) -> Component:
        """The choice among the programs that can run here, by their names."""
        offered = [each for each in programs.programs if each.refusal is None]
        often = Counter(each.name for each in offered)
        names = {
            each.id: each.name if often[each.name] == 1 else f"{each.name} ({each.id})"
            for each in offered
        }
        ids = {name: program for program, name in names.items()}
        select = self.entity(Platform.SELECT, "program", "Program", "mdi:format-list-bulleted")
        shown = self.shown(select, templates.show_name("selected", names), topics.PROGRAMS)
        return self.commanding(
            replace(shown, options=tuple(ids)), templates.command_select(ids), machine=False
        )

    def target_speed(self, speed: RangeInfo, limit: float) -> Component:
        """The walker's wish for the present step, from the machine's lowest speed to the limit in force."""
        low = speed.minimum or speed.increment
        high = max(limit, low)
        number = self.entity(Platform.NUMBER, "target_speed", "Target speed", "mdi:speedometer")
        shown = self.shown(number, templates.show_within("speed.setpoint", low, high))
        return replace(
            self.commanding(shown, templates.command_speed(), machine=True),
            device_class="speed",
            unit_of_measurement="km/h",
            min=low,
            max=high,
            step=speed.increment,
        )
