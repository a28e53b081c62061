"""The machines that come with the product: one file each in `profiles/machines/`."""

from pathlib import Path

from msgspec.structs import replace

from backstride.domain.errors import BackstrideError
from backstride.resources import profiles_dir
from backstride.virtual.model import MachineModel
from backstride.virtual.strict import load_record


class UnknownMachineError(BackstrideError):
    """No machine has this name."""


def machines_dir() -> Path:
    """Where the machine files are."""
    return profiles_dir() / "machines"


def list_machines() -> list[str]:
    """The names of all machines, sorted."""
    return sorted(path.stem for path in machines_dir().glob("*.yaml"))


def load_machine(name: str | Path) -> MachineModel:
    """Load a machine by its name, or from the path of a file.

    Raises:
        UnknownMachineError: there is no such machine.
        ProfileError: its file is wrong; the message says where and what would be accepted.
    """
    path = Path(name)
    if path.suffix != ".yaml":
        path = machines_dir() / f"{name}.yaml"
    if not path.is_file():
        known = ", ".join(list_machines())
        raise UnknownMachineError(f"there is no machine `{name}`; there are {known}")
    return replace(load_record(path, MachineModel), key=path.stem)
