"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config",
        "-c",
        metavar="FILE",
        help="The configuration (else $BACKSTRIDE_CONFIG, else /etc/backstride/backstride.toml).",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Write JSON, for scripts.")]
MachineOption = Annotated[
    str | None,
    typer.Option(
        "--machine",
        "-m",
        metavar="NAME",
        help="On this virtual machine: its lowest speed and its limits (`backstride virtual --list`).",
    ),
]
IdOption = Annotated[
    str | None,
    typer.Option(
        "--id", "-i", metavar="TREADMILL", help="Which treadmill, where there are several."
    ),
]
BrokerOption = Annotated[
    str | None,
    typer.Option(
        "--broker", "-b", metavar="HOST[:PORT]", help="Another broker than the configured."
    ),
]
