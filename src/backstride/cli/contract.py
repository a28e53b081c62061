"""`contract`: what is said over MQTT, for programs and for people."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from backstride.cli.exits import CommandFailedError, Exit


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command("contract", rich_help_panel="Service")(show_contract)


def show_contract(
    asyncapi: Annotated[
        bool, typer.Option("--asyncapi", help="The AsyncAPI 3 document (the default).")
    ] = False,
    schema: Annotated[
        str | None,
        typer.Option(
            "--schema", metavar="NAME", help="The JSON Schema of one payload, like `state`."
        ),
    ] = None,
    markdown: Annotated[
        bool, typer.Option("--markdown", help="The page for people, as Markdown.")
    ] = False,
) -> None:
    """Print the contract over MQTT: topics, payloads, commands, answers."""
    if asyncapi + markdown + (schema is not None) > 1:
        raise CommandFailedError("choose one of --asyncapi, --schema and --markdown", Exit.USAGE)
    if markdown:
        from backstride.mqtt.asyncapi_page import page_text

        text = page_text()
    elif schema is not None:
        text = _schema(schema)
    else:
        from backstride.mqtt.asyncapi import SHIPPED

        text = SHIPPED.read_text(encoding="utf-8")
    # Not through Rich, which would wrap and colour what is meant for a file or a pipe.
    sys.stdout.write(text)


def _schema(name: str) -> str:
    from backstride.mqtt.schema import PAYLOADS
    from backstride.mqtt.schema_files import shipped_schema

    if name not in PAYLOADS:
        known = ", ".join(PAYLOADS)
        raise CommandFailedError(
            f"there is no payload {name[:40]!r}; there are {known}", Exit.USAGE
        )
    return shipped_schema(name).read_text(encoding="utf-8")
