"""Who walks, what comes next, what was walked and how it was: the entities that are about people."""

from __future__ import annotations

from collections import Counter
from typing import Final

from msgspec.structs import replace

from backstride.mqtt import topics
from backstride.mqtt.homeassistant import templates
from backstride.mqtt.homeassistant.builder import GROWING, MEASURED, Builder
from backstride.mqtt.homeassistant.payload import Component, Platform
from backstride.mqtt.training import Walkers

NOBODY: Final = "Nobody"
"""What is chosen where it matters to nobody who walks."""
BORG: Final = (6, 20)
PAIN: Final = (0, 10)


class People(Builder):
    """Builds the components about people. They need the daemon, and no machine."""

    def walker(self, walkers: Walkers) -> Component:
        """The choice of who walks, by name; nothing to choose where nobody is known."""
        select = self.entity(Platform.SELECT, "walker", "Walker", "mdi:account")
        if not walkers.walkers:
            return Component(platform=select.platform)
        often = Counter([NOBODY, *(each.name for each in walkers.walkers)])
        names = {
            each.id: each.name if often[each.name] == 1 else f"{each.name} ({each.id})"
            for each in walkers.walkers
        }
        ids = {name: walker for walker, name in names.items()}
        shown = self.shown(select, templates.show_walker(names, NOBODY), topics.WALKERS)
        return self.commanding(
            replace(shown, options=(NOBODY, *ids)), templates.command_walker(ids), machine=False
        )

    def training(self) -> dict[str, Component]:
        """The plan's next session, the last session, and the week."""
        sensor = Platform.SENSOR
        today = self.entity(sensor, "today", "Today", "mdi:calendar-check")
        last = self.entity(sensor, "last_session", "Last session", "mdi:history")
        week = self.entity(sensor, "week", "Week", "mdi:calendar-week")
        return {
            "today": replace(
                self.shown(today, templates.show("title"), topics.PLAN),
                json_attributes_topic=self.topic(topics.PLAN),
                json_attributes_template=templates.TODAY,
            ),
            "last_session": replace(
                self.shown(last, templates.LAST, topics.HISTORY),
                device_class="timestamp",
                json_attributes_topic=self.topic(topics.HISTORY),
                json_attributes_template=templates.LAST_SESSION,
            ),
            "week": replace(
                self.shown(week, templates.WEEK, topics.HISTORY),
                device_class="duration",
                unit_of_measurement="min",
                suggested_display_precision=0,
                json_attributes_topic=self.topic(topics.HISTORY),
                json_attributes_template=templates.LAST_WEEK,
            ),
        }

    def feedback(self) -> dict[str, Component]:
        """How hard the last session was and how much it hurt: set, it is said; and whether it is asked."""
        question = self.entity(
            Platform.BINARY_SENSOR, "question", "Question", "mdi:comment-question"
        )
        effort = self.entity(Platform.NUMBER, "effort", "Effort", "mdi:arm-flex")
        pain = self.entity(Platform.NUMBER, "pain", "Pain", "mdi:bandage")
        return {
            "question": self.shown(question, templates.show_flag("question"), topics.HISTORY),
            "effort": self._scale(
                self.shown(effort, templates.EFFORT, topics.HISTORY), "effort", BORG
            ),
            # What hurt is told to nobody: it shows what was set here, until Home Assistant restarts.
            "pain": self._scale(pain, "pain", PAIN),
        }

    def _scale(self, entity: Component, key: str, scale: tuple[int, int]) -> Component:
        low, high = scale
        commanding = self.commanding(entity, templates.command_feedback(key), machine=False)
        return replace(commanding, min=low, max=high, step=1, mode="slider")

    def body(self) -> dict[str, Component]:
        """What the session costs, with its range."""
        energy = self.entity(Platform.SENSOR, "energy", "Energy", "mdi:fire")
        return {
            "energy": replace(
                self.shown(energy, templates.show("cost.kcal")),
                unit_of_measurement="kcal",
                state_class=GROWING,
                suggested_display_precision=0,
                json_attributes_topic=self.topic(topics.STATE),
                json_attributes_template=templates.RANGE,
            )
        }

    def ceiling(self) -> Component:
        """The heart rate above which the belt slows down, where a heart rate is known."""
        ceiling = self.entity(Platform.SENSOR, "heart_ceiling", "Heart ceiling", "mdi:heart-off")
        return replace(
            self.shown(ceiling, templates.show("heart.ceiling")),
            unit_of_measurement="bpm",
            state_class=MEASURED,
        )
