"""What a machine will do, in order of time: a heap of actions. Equal times keep their order."""

import heapq
from collections.abc import Callable

from backstride.domain.units import Ms

type Action = Callable[[Ms], None]
"""Called with the moment it was due, never with the moment it was found out."""


class Agenda:
    """Actions with due times. A cancelled action stays on the heap and does nothing."""

    __slots__ = ("_count", "_heap")

    def __init__(self) -> None:
        self._heap: list[tuple[Ms, int, Action]] = []
        self._count = 0

    def add(self, at: Ms, action: Action) -> None:
        """Plan `action` at `at`."""
        self._count += 1
        heapq.heappush(self._heap, (at, self._count, action))

    def next_due(self) -> Ms | None:
        """When the next action is due; None when there is none."""
        return self._heap[0][0] if self._heap else None

    def run(self, to_ms: Ms) -> None:
        """Carry out everything due up to and at `to_ms`, including what that adds."""
        heap = self._heap
        while heap and heap[0][0] <= to_ms:
            at, _, action = heapq.heappop(heap)
            action(at)
