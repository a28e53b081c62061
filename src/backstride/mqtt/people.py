"""Who is meant and what is meant: the ids in a command, resolved where they come in.

A session gets whole values and never looks anything up. `today` is the plan's next session of whoever walks;
what `programs` offers for it has an id of its own (`plan-2-1`), by which the history knows it again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

from backstride.domain.errors import BackstrideError
from backstride.domain.events import Ask
from backstride.domain.ladder import rung_of
from backstride.domain.walker import Walker
from backstride.domain.workout import Program
from backstride.mqtt.decode import Code, CommandError
from backstride.mqtt.topics import is_id

TODAY: Final = "today"
NAMING: Final = frozenset({Ask.START, Ask.SELECT, Ask.CONFIRM})
"""What may name a program; a confirm then fits that one only."""
WALKING: Final = frozenset({Ask.START, Ask.WALKER})
"""What may name a walker."""


class NobodyError(BackstrideError):
    """This walker cannot be chosen; nothing about anybody's health is in the message."""


class NoPlanError(BackstrideError):
    """The plan has no session now, and why."""


class People(Protocol):
    """Who may walk here, and what their plan has for them. Answers at once, from what was read before."""

    def find(self, walker: str) -> Walker:
        """The walker with this id, prepared.

        Raises:
            NobodyError: there is none, or they are to ask a professional first.
        """
        ...

    def present(self) -> Walker | None:
        """Whoever was chosen, as they are now; None for nobody in particular.

        Raises:
            NobodyError: they may walk no more.
        """
        ...

    def selected(self) -> Program | None:
        """The program that `start` without a name arms."""
        ...

    def today(self, walker: Walker | None) -> Program:
        """The next session of this walker's plan.

        Raises:
            NoPlanError: there is none now.
        """
        ...


class Names:
    """Resolves what commands name. Without `people` nobody is known, and there is no plan."""

    def __init__(
        self, programs: Callable[[str], Program | None], people: People | None = None
    ) -> None:
        self._programs = programs
        self._people = people

    def find_walker(self, ask: Ask, name: str | None) -> Walker | None:
        """Who is meant; for a start without a name whoever was chosen, as they are now.

        Raises:
            CommandError: nobody, or a command that names nobody.
        """
        if name is not None and ask not in WALKING:
            raise CommandError(
                Code.BAD_VALUE, f"`walker` goes with start and walker, not with {ask}"
            )
        try:
            if name is not None:
                return self._known(name)
            return self._people.present() if self._people and ask is Ask.START else None
        except NobodyError as error:
            raise CommandError(Code.NO_WALKER, str(error)) from None

    def _known(self, name: str) -> Walker:
        if self._people is None or not is_id(name):
            raise NobodyError(f"nobody here has the id {name[:64]!r}; `walkers` lists who there is")
        return self._people.find(name)

    def find_program(self, ask: Ask, name: str | None, walker: Walker | None) -> Program | None:
        """The program that is meant; None for the selected one, or where none is named.

        Raises:
            CommandError: there is none of this id, or the plan has none now.
        """
        if name is None:
            if ask is Ask.SELECT:
                raise CommandError(Code.BAD_VALUE, "`select` needs the id of a program")
            # A session of the plan that was selected a while ago may be none of today's any more.
            chosen = self._people.selected() if self._people and ask is Ask.START else None
            planned = chosen is not None and rung_of(chosen.id) is not None
            return self._today(walker) if planned else None
        if ask not in NAMING:
            raise CommandError(
                Code.BAD_VALUE, f"`program` goes with start, select and confirm, not with {ask}"
            )
        if name == TODAY or rung_of(name) is not None:
            program: Program | None = self._today(walker if ask is Ask.START else self._chosen())
            program = program if program and name in {TODAY, program.id} else None
        else:
            program = self._programs(name) if is_id(name) else None
        if program is None:
            raise CommandError(
                Code.UNKNOWN_PROGRAM,
                f"there is no program {name[:64]!r}; `programs` lists those on offer",
            )
        return program

    def _chosen(self) -> Walker | None:
        return self.find_walker(Ask.START, None)

    def _today(self, walker: Walker | None) -> Program:
        if self._people is None:
            raise CommandError(Code.NO_PLAN, "there is no plan here, as nobody is known")
        try:
            return self._people.today(walker)
        except NoPlanError as error:
            raise CommandError(Code.NO_PLAN, str(error)) from None
