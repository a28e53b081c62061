"""All programs of one installation, by id.

A broken file hides no other: it is an error in the list, and the rest can be walked. Earlier
directories win, and a later file with the same id is an error and not a replacement: whoever starts
`first-steps` must get what the name promises.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from backstride.domain.errors import BackstrideError
from backstride.domain.workout import Program
from backstride.resources import profiles_dir
from backstride.scripts.problems import START, Findings, ScriptError, suggest
from backstride.scripts.reader import load_program

FILES: Final = 500
"""Files read in one directory: somebody pointed at the wrong one if there are more."""


class UnknownProgramError(BackstrideError):
    """There is no program of this id.

    Attributes:
        id: what was asked for.
        near: the id that may have been meant.
    """

    def __init__(self, program_id: str, near: str | None, known: Sequence[str]) -> None:
        listed = ", ".join(known) or "none"
        hint = f"did you mean {near!r}?" if near else f"there are: {listed}"
        super().__init__(f"there is no program {program_id!r}; {hint}")
        self.id = program_id
        self.near = near


def shipped_dir() -> Path:
    """Where the programs that come with Backstride are."""
    return profiles_dir() / "sessions"


class Catalogue:
    """Programs by id, and what is wrong with the files that are none."""

    def __init__(self, programs: Sequence[Program], errors: Sequence[ScriptError] = ()) -> None:
        self._programs = {program.id: program for program in programs}
        self.errors = tuple(errors)

    @classmethod
    def load(cls, *directories: Path) -> Catalogue:
        """Read every `*.yaml` of the directories, the shipped one when none is named.

        A directory that does not exist is an error of the catalogue, never an exception.
        """
        programs: dict[str, Program] = {}
        errors: list[ScriptError] = []
        for directory in directories or (shipped_dir(),):
            try:
                paths = _files(directory)
            except ScriptError as error:
                errors.append(error)
                continue
            for path in paths:
                try:
                    program = load_program(path)
                except ScriptError as error:
                    errors.append(error)
                    continue
                if program.id in programs:
                    findings = Findings(str(path))
                    what = "another program has this id already"
                    errors.append(findings.fail(START, what, program.id, "rename the file"))
                else:
                    programs[program.id] = program
        return cls(tuple(programs.values()), errors)

    def __iter__(self) -> Iterator[Program]:
        return iter(self._programs.values())

    def __len__(self) -> int:
        return len(self._programs)

    def __contains__(self, program_id: object) -> bool:
        return program_id in self._programs

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids in the order of the directories, each sorted by name."""
        return tuple(self._programs)

    def find(self, program_id: str) -> Program | None:
        """The program of an id, or None."""
        return self._programs.get(program_id)

    def get(self, program_id: str) -> Program:
        """The program of an id.

        Raises:
            UnknownProgramError: there is none.
        """
        program = self.find(program_id)
        if program is None:
            near = suggest(program_id, list(self.ids))
            raise UnknownProgramError(program_id, near, self.ids)
        return program


def _files(directory: Path) -> list[Path]:
    findings = Findings(str(directory))
    try:
        names = [p for p in directory.iterdir() if p.suffix in {".yaml", ".yml"}]
    except OSError as error:
        what = f"the directory cannot be read ({error.strerror})"
        raise findings.fail(START, what, "", "name a directory of programs") from error
    if len(names) > FILES:
        what = f"there are {len(names)} files in this directory"
        raise findings.fail(START, what, "", f"at most {FILES} are read")
    return sorted(names)
