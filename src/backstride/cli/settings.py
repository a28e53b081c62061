"""`config`: the configuration in effect, after defaults, with nothing secret in it."""

from __future__ import annotations

from typing import Any, Final

import typer
from rich.text import Text

from backstride.cli.options import ConfigOption, JsonOption
from backstride.cli.terminal import make_console, print_json
from backstride.domain.units import show_duration, show_incline, show_speed
from backstride.service.config import Config, state_directory

_SPEEDS: Final = frozenset({"max_speed"})
_INCLINES: Final = frozenset({"max_incline"})
_TIMES: Final = frozenset({"max_backward_time"})


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command("config", rich_help_panel="Set up")(show_config)


def show_config(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Print the configuration in effect: what the file says, and the defaults for the rest."""
    from backstride.cli.lookup import get_config

    loaded = get_config(config)
    data = describe(loaded)
    if as_json:
        print_json(data)
        return
    console = make_console()
    source = loaded.file or "no file: these are the defaults"
    console.print(Text(f"# {source}", style="dim"), soft_wrap=True)
    console.print(Text(render(data)), soft_wrap=True)


def describe(config: Config) -> dict[str, Any]:
    """The configuration as its file would say it; a key that is not set is missing."""
    tables: dict[str, Any] = {
        "broker": _table(config.broker),
        "homeassistant": _table(config.homeassistant),
        "site": _table(config.site),
        "service": _table(config.service),
        "programs": _table(config.programs),
        "guidance": _table(config.guidance),
        "export": _table(config.export),
        "treadmill": [_table(treadmill) for treadmill in config.treadmills],
    }
    tables["service"]["state_directory"] = str(state_directory(config))
    return tables


def _table(values: Any) -> dict[str, Any]:
    table: dict[str, Any] = {}
    for key in values.__struct_fields__:
        value = getattr(values, key)
        if value is not None:
            table[key] = _value(key, value)
    return table


def _value(key: str, value: Any) -> Any:
    if hasattr(value, "__struct_fields__"):
        return _table(value)
    if key in _SPEEDS:
        return show_speed(value)
    if key in _INCLINES:
        return show_incline(value)
    if key in _TIMES:
        return show_duration(value)
    return value if isinstance(value, bool | int) else str(value)


def render(data: dict[str, Any]) -> str:
    """Write tables as TOML that can be used as a configuration."""
    parts = [
        part
        for name, table in data.items()
        for one in (table if isinstance(table, list) else [table])
        for part in _render_table(
            f"[[{name}]]" if isinstance(table, list) else f"[{name}]", name, one
        )
    ]
    return "\n\n".join(parts)


def _render_table(header: str, name: str, table: dict[str, Any]) -> list[str]:
    lines = [header]
    below: list[str] = []
    for key, value in table.items():
        if isinstance(value, dict):
            below += _render_table(f"[{name}.{key}]", f"{name}.{key}", value)
        else:
            lines.append(f"{key} = {_literal(value)}")
    return ["\n".join(lines), *below] if len(lines) > 1 or below else []


def _literal(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    escaped = str(value).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
