"""How long the adapter waits for what, in one place. Times in ms of the running event loop."""

from __future__ import annotations

from msgspec import Struct

from backstride.domain.units import MINUTE, SECOND, Ms


class Waits(Struct, frozen=True, kw_only=True):
    """Every wait of the FTMS adapter. The defaults are for real machines."""

    answer: Ms = 3 * SECOND
    """For the answer of a procedure; after it the outcome is unknown. Slow machines take 2 s."""
    transaction: Ms = 30 * SECOND
    """Until an unanswered transaction has killed the link (Core 5.4, vol. 3 part F 3.3.3)."""
    busy: Ms = 50
    """Between two tries of a Stop that met "procedure already in progress" [CHOICE]."""
    connect: Ms = 20 * SECOND
    """For a connection with its service discovery; BlueZ itself gives up after 20 to 25 s."""
    adopt: Ms = 5 * SECOND
    """For a connection that is there already, with its services: either at once, or it is a ghost."""
    gatt: Ms = 5 * SECOND
    """For one read or one subscription while a connection is set up [CHOICE]."""
    disconnect: Ms = 5 * SECOND
    """For a farewell; after it the link counts as gone [CHOICE]."""
    find: Ms = 10 * SECOND
    """For an advertisement: machines advertise at least once in 2 s, scanners miss some [CHOICE]."""
    settle: Ms = 2 * SECOND
    """How long to look for a second candidate before the first is taken for the only one [CHOICE]."""
    compare: Ms = 1 * SECOND
    """How long several adapters listen after one has heard the machine [CHOICE]."""
    retry_first: Ms = 100
    """Before the first reconnection: most lost links come back at once."""
    retry_most: Ms = 60 * SECOND
    """Longest pause between two attempts; an advertisement of the lost machine ends it earlier."""
    urgent: Ms = 1 * MINUTE
    """After a lost link the belt may be moving, so for this long no pause exceeds `urgent_most`."""
    urgent_most: Ms = 2 * SECOND
    """Longest pause between two attempts while it is urgent [CHOICE]."""
    proven: Ms = 5 * SECOND
    """A link that lived shorter than this does not reset the back-off [CHOICE]."""
    probe: Ms = 10 * SECOND
    """Silence after which the link is probed with a read: some links are dead but look alive."""
    probe_moving: Ms = 4 * SECOND
    """The same while the belt may be moving: longer than the gaps of real machines (2.5 s)."""
