"""The templates that Home Assistant runs: states out of our payloads, commands out of its buttons.

Jinja as Home Assistant has it: `value_json` is the payload, `value` what a person chose. A state template
that renders `None` makes the entity unknown; one that renders nothing leaves it as it was.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from backstride.domain.events import Ask
from backstride.mqtt.schema import VERSION

LONGEST_STATE: Final = 255
"""Characters of a state; Home Assistant takes no more."""

BOOT: Final = "{{ {'boot': value_json.boot} | tojson }}"
"""Attributes of a commanding entity, from `info`: the daemon's present life."""
UP: Final = "{{ 'online' if value_json.up else 'offline' }}"
"""Availability of what needs the machine, from `connection`."""
MOMENT: Final = (
    "{{ {'sentence': value_json.sentence, 'program': value_json.program_name,"
    " 'step': value_json.step.name if value_json.step else none,"
    " 'facing': value_json.step.facing if value_json.step else none,"
    " 'cue': value_json.cue.text if value_json.cue else none} | tojson }}"
)
"""Attributes of the phase, from `state`: nothing that changes by the second while walking."""
ALARM: Final = (
    "{{ {'cause': value_json.alarm.cause, 'sentence': value_json.alarm.sentence}"
    " | tojson if value_json.alarm else '{}' }}"
)
HOST: Final = (
    "{{ dict(value_json.faults, host=value_json.host.name, version=value_json.versions.backstride,"
    " temperature=value_json.host.temperature) | tojson }}"
)
"""Attributes of the host, from `health`: each fault with its sentence, and what one asks first."""
TODAY: Final = (
    "{{ {'walker': value_json.walker, 'program': value_json.program, 'goal': value_json.goal,"
    " 'reason': value_json.reason, 'due': value_json.due, 'refusal': value_json.refusal} | tojson }}"
)
"""Attributes of today's session, from `plan`."""
_NEWEST: Final = "{% set x = value_json.sessions | first | default(none) %}"
LAST: Final = _NEWEST + "{{ x.started if x else none }}"
EFFORT: Final = _NEWEST + "{{ x.effort if x else none }}"
LAST_SESSION: Final = (
    _NEWEST + "{{ {'walker': x.walker, 'program': x.program_name, 'outcome': x.outcome,"
    " 'completed': x.completed, 'walked': x.walked, 'backward': x.backward, 'distance': x.distance,"
    " 'top_speed': x.top_speed, 'energy': x.energy, 'alarms': x.alarms, 'effort': x.effort}"
    " | tojson if x else '{}' }}"
)
"""Attributes of the last session, from `history`: seconds, m, km/h and kcal."""
_WEEK: Final = "{% set x = value_json.weeks | first | default(none) %}"
WEEK: Final = _WEEK + "{{ x.walked / 60 if x else none }}"
LAST_WEEK: Final = (
    _WEEK
    + "{{ {'monday': x.monday, 'sessions': x.sessions, 'backward': (x.backward / 60) | round(1),"
    " 'distance': x.distance} | tojson if x else '{}' }}"
)
"""Attributes of the newest week in which somebody walked; `monday` says which, `backward` is in minutes."""
RANGE: Final = (
    "{{ {'low': value_json.cost.low, 'high': value_json.cost.high, 'met': value_json.cost.met}"
    " | tojson if value_json.cost else '{}' }}"
)
ANSWER: Final = f"{{{{ value_json.sentence[:{LONGEST_STATE}] }}}}"
REPLY: Final = "{{ {'reply': value_json.reply, 'code': value_json.code} | tojson }}"

_STAMP: Final = (
    # Ranges above 100,000 are refused only when the button is pressed.
    '"id":"ha-{{ (now().timestamp() * 1000) | int }}-{{ range(10000, 99999) | random }}"'
    ',"ts":{{ now().timestamp() }},"boot":{{ state_attr(entity_id, \'boot\') | tojson }}'
)


def show(path: str) -> str:
    """A state out of the payload; unknown where it or what it is part of is null."""
    parent = path.rpartition(".")[0]
    shown = f"value_json.{path}"
    return f"{{{{ {shown} if value_json.{parent} else none }}}}" if parent else f"{{{{ {shown} }}}}"


def show_flag(path: str) -> str:
    """`ON` where the payload has something true, else `OFF`."""
    return f"{{{{ 'ON' if value_json.{path} else 'OFF' }}}}"


def show_within(path: str, low: float, high: float) -> str:
    """A number of the payload, kept to what the entity may show: the rest is an error in its log."""
    shown = show(path).removeprefix("{{ ").removesuffix(" }}")
    return (
        f"{{% set x = {shown} %}}{{{{ x if x is none else [[x, {low:g}] | max, {high:g}] | min }}}}"
    )


def show_name(path: str, names: Mapping[str, str]) -> str:
    """The name for an id of the payload; unknown if it has none."""
    return f"{{{{ {_literal(names)}.get(value_json.{path}) }}}}"


def show_walker(names: Mapping[str, str], nobody: str) -> str:
    """The name of whoever is chosen."""
    return (
        f"{{{{ {_literal(names)}.get(value_json.selected) if value_json.selected"
        f" else {msgspec.json.encode(nobody).decode()} }}}}"
    )


def show_event(kinds: tuple[str, ...]) -> str:
    """An event of one of these kinds with its data; nothing for the others."""
    return (
        "{{ dict(value_json.data, event_type=value_json.kind, sentence=value_json.sentence,"
        f" number=value_json.number) | tojson if value_json.kind in {_literal(kinds)} }}}}"
    )


def command(ask: Ask, more: str = "") -> str:
    """A command with id, time and boot. `more`: further members, each with its leading comma."""
    return f'{{"v":{VERSION},"command":"{ask.value}",{_STAMP}{more}}}'


def command_speed() -> str:
    """The command that sets the speed to the entity's value."""
    return command(Ask.SPEED, ',"speed":{{ value }}')


def command_voice() -> str:
    """The command of a switch whose payloads are `ON` and `OFF`."""
    return command(Ask.VOICE, ""","on":{{ 'true' if value == 'ON' else 'false' }}""")


def command_select(ids: Mapping[str, str]) -> str:
    """The command that selects the program of the chosen name."""
    return command(Ask.SELECT, f""","program":{{{{ {_literal(ids)}.get(value) | tojson }}}}""")


def command_walker(ids: Mapping[str, str]) -> str:
    """The command that says who walks; nobody, if the name is nobody's."""
    return command(Ask.WALKER, f""","walker":{{{{ {_literal(ids)}.get(value) | tojson }}}}""")


def command_feedback(key: str) -> str:
    """The command that says one thing of how it was."""
    return command(Ask.FEEDBACK, f""","{key}":{{{{ value | int }}}}""")


def _literal(value: Mapping[str, str] | tuple[str, ...]) -> str:
    """The value as a Jinja literal, which JSON is; nothing inside its strings can end the expression."""
    return msgspec.json.encode(value).decode()
