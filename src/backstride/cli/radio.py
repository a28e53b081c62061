"""Commands about Bluetooth: `scan` for treadmills, and be one with `virtual`."""

from __future__ import annotations

import asyncio
from typing import Annotated, Final

import typer
from rich import box
from rich.table import Table
from rich.text import Text

from backstride.cli.exits import CommandFailedError, Exit
from backstride.cli.options import JsonOption
from backstride.cli.terminal import make_console, print_json
from backstride.domain.errors import BackstrideError
from backstride.domain.units import SECOND, show_incline, show_speed

_LONGEST_SCAN: Final = 300


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command("scan", rich_help_panel="Set up")(scan)
    app.command("virtual", rich_help_panel="Try it")(virtual)


def scan(
    seconds: Annotated[
        int, typer.Option("--time", "-t", metavar="SECONDS", min=1, max=_LONGEST_SCAN)
    ] = 5,
    everything: Annotated[
        bool, typer.Option("--all", help="Also what does not look like a treadmill.")
    ] = False,
    adapter: Annotated[
        str | None, typer.Option("--adapter", metavar="HCI", help="Such as hci0.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """List the treadmills and heart-rate straps in Bluetooth range, strongest first."""
    from backstride.ftms.discovery import scan as listen
    from backstride.ftms.radio import Radio

    radio = Radio(adapter=adapter)
    found = asyncio.run(listen(radio, seconds * SECOND, straps=True, everything=everything))
    if as_json:
        print_json(found)
    elif not found:
        make_console(stderr=True).print(
            "no treadmill in range; switch it on, come nearer, and close the phone's app:"
            " most treadmills hide while something is connected. --all shows everything else",
            soft_wrap=True,
        )
    else:
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        table.add_column("address", no_wrap=True)
        table.add_column("name", no_wrap=True)
        table.add_column("dBm", justify="right")
        table.add_column("it ...")
        for one in found:
            dbm = "" if one.rssi is None else str(one.rssi)
            what = one.evidence or ("measures a heart rate" if one.strap else "")
            table.add_row(one.address, Text(one.name or "(no name)"), dbm, what)
        make_console().print(table)
    if not found:
        raise typer.Exit(Exit.REFUSED)


def virtual(
    machine: Annotated[
        str | None, typer.Option("--machine", "-m", metavar="NAME", help="Its name, or a file.")
    ] = None,
    transport: Annotated[
        str | None,
        typer.Option(
            "--transport",
            "-t",
            metavar="SPEC",
            help="The adapter to be it on, as Bumble names it: usb:0, hci-socket:0, serial:/dev/ttyACM0.",
        ),
    ] = None,
    listing: Annotated[bool, typer.Option("--list", help="List the machines.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Be a treadmill: serve a virtual machine over the air on a second Bluetooth adapter."""
    if listing or (machine is None and transport is None):
        _list_machines(as_json=as_json)
        return
    if machine is None or transport is None:
        raise CommandFailedError("--machine and --transport go together", Exit.USAGE)
    try:
        asyncio.run(_serve(machine, transport))
    except KeyboardInterrupt:
        return


def _list_machines(*, as_json: bool) -> None:
    from backstride.virtual.catalogue import list_machines, load_machine

    models = {name: load_machine(name) for name in list_machines()}
    if as_json:
        print_json(
            [
                {
                    "name": name,
                    "about": model.about,
                    "minimum": model.speed.minimum / 100,
                    "maximum": model.speed.maximum / 100,
                    "increment": model.speed.step / 100,
                    "top_incline": None if model.incline is None else model.incline.maximum / 10,
                }
                for name, model in models.items()
            ]
        )
        return
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for title in ("name", "from", "to", "by", "incline"):
        table.add_column(title, justify="left" if title == "name" else "right", no_wrap=True)
    table.add_column("about")
    for name, model in models.items():
        speed = model.speed
        table.add_row(
            Text(name, style="bold"),
            show_speed(speed.minimum),
            show_speed(speed.maximum),
            show_speed(speed.step),
            "" if model.incline is None else show_incline(model.incline.maximum),
            Text(model.about),
        )
    make_console().print(table)


async def _serve(name: str, transport: str) -> None:
    from backstride.cli.lookup import get_model
    from backstride.virtual.machine import Machine

    model = get_model(name)
    try:
        from backstride.virtual.peripheral import serve_on_transport
    except ImportError as error:
        raise CommandFailedError(
            "a virtual treadmill needs Bumble; install backstride[virtual]", Exit.USAGE
        ) from error
    machine = Machine(model, now_ms=int(asyncio.get_running_loop().time() * SECOND))
    try:
        async with serve_on_transport(machine, transport):
            shown = Text.assemble(
                (model.identity.name or "(no name)", "bold"),
                f" at {machine.address} on {transport}",
            )
            make_console().print(shown, soft_wrap=True)
            await asyncio.Event().wait()
    except BackstrideError:
        raise
    except Exception as error:  # Bumble raises what its transports raise, of any kind
        raise CommandFailedError(
            f"{transport} cannot be used ({error}); see `hciconfig`, and stop bluetoothd for this adapter"
        ) from error
