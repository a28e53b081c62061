"""From a file to a program: the form first, then the rules, and every problem told at once.

The rules judge only a file whose form is right: a step that could not be read would make its
neighbours look wrong too.
"""

from __future__ import annotations

import re
from collections.abc import Mapping as Table
from pathlib import Path
from typing import Final

from msgspec import Struct

from backstride.domain.workout import Facing, Level, Program, Step, Turn
from backstride.scripts import form, rules, tree
from backstride.scripts.form import EFFORTS, Field, Key
from backstride.scripts.kinds import Complaint, Kind, Span
from backstride.scripts.problems import START, Findings, Mark, suggest
from backstride.scripts.rules import Head, Item, RepeatItem, StepItem, TurnItem
from backstride.scripts.tree import Mapping, Node, Scalar, Sequence

ID: Final = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*", re.ASCII)
"""A program's id is part of commands and of file names."""
ID_LENGTH: Final = 40


def load_program(path: Path) -> Program:
    """Read one file. The program's id is the file's name without its ending.

    Raises:
        ScriptError: the file is not a program; it names every problem with line and column.
    """
    findings = Findings(str(path))
    text = tree.load_text(path, findings)
    return _read(text, path.stem, findings)


def read_program(data: bytes | str, program_id: str, file: str = "<text>") -> Program:
    """Read a program that is already in memory; `file` names it in messages.

    Raises:
        ScriptError: it is not a program.
    """
    findings = Findings(file)
    raw = data.encode("utf-8", "surrogatepass") if isinstance(data, str) else data
    return _read(tree.decode(raw, findings), program_id, findings)


def _read(text: str, program_id: str, findings: Findings) -> Program:
    if len(program_id) > ID_LENGTH or not ID.fullmatch(program_id):
        accepted = f"use at most {ID_LENGTH} small letters, digits and single hyphens"
        findings.add(START, "the file's name cannot be a program's id", program_id, accepted)
    root = tree.compose(text, findings)
    if not isinstance(root, Mapping):
        accepted = "start with `name: ...`"
        raise findings.fail(root.at, f"a program cannot be {tree.describe(root)}", "", accepted)
    record = _record(root, form.HEAD, "a program", findings)
    items = _items(record.lists.get(Key.STEPS), findings, first=True)
    if findings:
        raise findings.error()
    head = _head(record)
    facing = rules.judge(head, items, findings)
    if findings:
        raise findings.error()
    return Program(
        id=program_id,
        name=record.value(Key.NAME, str) or "",
        goal=record.value(Key.GOAL, str) or "",
        level=head.level,
        facing=facing,
        max_speed=head.max_speed,
        max_incline=head.max_incline,
        steps=tuple(item.build() for item in items),
        unsupervised=record.value(Key.UNSUPERVISED, bool) or False,
        check_in=record.value(Key.CHECK_IN, int),
    )


class _Record(Struct):
    """The values that could be read under one group of keys, and where they stand."""

    at: Mark
    keys: dict[Key, Mark]
    values: dict[Key, object]
    places: dict[Key, Scalar]
    lists: dict[Key, Node]

    def value[T](self, key: Key, kind: type[T]) -> T | None:
        """The value under a key, or None where it is absent or was not understood."""
        value = self.values.get(key)
        return value if isinstance(value, kind) else None


def _record(node: Mapping, fields: Table[Key, Field], what: str, findings: Findings) -> _Record:
    record = _Record(node.at, {}, {}, {}, {})
    for name, value in node.entries:
        key = _key(name, fields, what, findings)
        if key is None:
            continue
        if key != name.text:
            record.keys.setdefault(key, name.at)  # meant, so it is not missing as well
            continue
        record.keys[key] = name.at
        kind = fields[key].kind
        if kind is None:
            record.lists[key] = value
        elif isinstance(value, Scalar):
            _value(key, kind, value, record, findings)
        else:
            accepted = "write its value on the same line"
            findings.add(
                value.at, f"{tree.describe(value)} cannot stand under `{key}`", "", accepted
            )
    for key, field in fields.items():
        if field.required and key not in record.keys:
            example = "a list of steps" if field.kind is None else "its value"
            findings.add(
                node.at, f"{what} needs the key `{key}`", "", f"add `{key}:` with {example}"
            )
    return record


def _key(name: Scalar, fields: Table[Key, Field], what: str, findings: Findings) -> Key | None:
    """The key that is written, or else the one that is meant."""
    known = [key.value for key in fields]
    if name.text in known:
        return Key(name.text)
    near = suggest(name.text, known, dict(form.ALSO))
    listed = "known here: " + ", ".join(f"`{key}`" for key in known)
    if near is not None:
        findings.add(name.at, "unknown key", name.text, f"did you mean `{near}`?")
        return Key(near)
    if name.text in list(Key):
        findings.add(name.at, f"this key does not belong into {what}", name.text, listed)
    else:
        findings.add(name.at, "unknown key", name.text, listed)
    return None


def _value(
    key: Key, kind: Kind[object], scalar: Scalar, record: _Record, findings: Findings
) -> None:
    record.places[key] = scalar
    try:
        record.values[key] = kind.read(scalar)
    except Complaint as complaint:
        text = scalar.text if complaint.text is None else complaint.text
        what = f"{key}: {complaint.what}"
        at = scalar.within(complaint.offset) if complaint.offset else scalar.at
        findings.add(at, what, text, complaint.accepted)


def _head(record: _Record) -> Head:
    return Head(
        level=record.value(Key.LEVEL, Level) or Level.LOCKED,
        max_speed=record.value(Key.MAX_SPEED, int) or 0,
        max_speed_at=record.places[Key.MAX_SPEED],
        max_incline=record.value(Key.MAX_INCLINE, int) or 0,
    )


def _items(
    node: Node | None, findings: Findings, *, first: bool = False, depth: int = 0
) -> tuple[Item, ...]:
    """The items of a list of steps. `first`: the first one begins the program."""
    if node is None:
        return ()
    if not isinstance(node, Sequence):
        accepted = "write a list: each step on its own line after `- `"
        findings.add(node.at, f"steps cannot be {tree.describe(node)}", _text(node), accepted)
        return ()
    if not node.items:
        findings.add(node.at, "there are no steps", "[]", "write at least one step")
    read: list[Item] = []
    for index, item in enumerate(node.items):
        if not isinstance(item, Mapping):
            what = f"a step cannot be {tree.describe(item)}"
            findings.add(item.at, what, _text(item), "write for example `work: 60 s`")
            continue
        one = _item(item, findings, first=first and index == 0, depth=depth)
        if one is not None:
            read.append(one)
    return tuple(read)


def _item(node: Mapping, findings: Findings, *, first: bool, depth: int) -> Item | None:
    names = {name.text for name, _ in node.entries}
    if Key.REPEAT in names:
        return _repeat(node, findings, depth)
    if Key.TURN in names:
        record = _record(node, form.TURN, "a turn", findings)
        to = record.value(Key.TURN, Facing)
        if to is None:
            return None
        return TurnItem(Turn(to=to, line=node.at.line), record.places[Key.TURN])
    return _step(node, findings, first=first)


def _repeat(node: Mapping, findings: Findings, depth: int) -> RepeatItem | None:
    record = _record(node, form.REPEAT, "a repeat", findings)
    if depth == rules.NESTING:
        what = "repeats are nested too deeply"
        accepted = f"at most {rules.NESTING} levels of `repeat` are accepted"
        findings.add(record.keys[Key.REPEAT], what, "", accepted)
        return None
    items = _items(record.lists.get(Key.STEPS), findings, depth=depth + 1)
    times = record.value(Key.REPEAT, int)
    if times is None:
        return None
    return RepeatItem(times, items, record.places[Key.REPEAT])


def _step(node: Mapping, findings: Findings, *, first: bool) -> StepItem | None:
    record = _record(node, form.STEP, "a step", findings)
    efforts: list[Key] = [key for key in EFFORTS if key in record.keys]
    efforts.sort(key=lambda key: record.keys[key])
    effort = _one_of(
        efforts, record, "effort", "write `warmup`, `work`, `recover` or `cooldown`", findings
    )
    paces: list[Key] = [key for key in (Key.SPEED, Key.RAMP) if key in record.keys]
    paces.sort(key=lambda key: record.keys[key])
    pace = _one_of(
        paces, record, "speed", "write either `speed` or `ramp`, for example `speed: 1.2 km/h`",
        findings,
    )  # fmt: skip
    if Key.FACING in record.keys and not first:
        accepted = "write a step of its own: `- turn: backward`"
        findings.add(record.keys[Key.FACING], "only the first step has a facing", "", accepted)
    elif first and Key.FACING not in record.keys:
        accepted = "add `facing: forward` or `facing: backward`"
        findings.add(node.at, "the first step must say which way the walker looks", "", accepted)
    if effort is None or pace is None or not {effort, pace} <= record.places.keys():
        return None
    duration = record.value(effort, int)
    span = record.value(Key.RAMP, Span)
    speed = record.value(Key.SPEED, int) if span is None else span.start
    if duration is None or speed is None:
        return None
    step = Step(
        effort=EFFORTS[effort],
        duration=duration,
        speed=speed,
        ramp_to=None if span is None else span.end,
        incline=record.value(Key.INCLINE, int) or 0,
        cue=record.value(Key.CUE, str),
        line=node.at.line,
    )
    return StepItem(
        step,
        at=record.places[effort],
        effort_at=record.keys[effort],
        pace_at=record.places[pace],
        incline_at=record.places.get(Key.INCLINE),
        facing=record.value(Key.FACING, Facing),
    )


def _one_of(
    keys: list[Key], record: _Record, what: str, accepted: str, findings: Findings
) -> Key | None:
    if not keys:
        findings.add(record.at, f"the step has no {what}", "", accepted)
        return None
    for extra in keys[1:]:
        findings.add(record.keys[extra], f"a step has one {what}", extra, accepted)
    return keys[0]


def _text(node: Node) -> str:
    return node.text if isinstance(node, Scalar) else ""
