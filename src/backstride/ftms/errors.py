"""What can go wrong between here and a ready connection: one root, one leaf per stage."""

from __future__ import annotations

from enum import StrEnum

from backstride.domain.errors import BackstrideError


class Stage(StrEnum):
    """How far a connection has come."""

    FINDING = "finding"
    """Looking for the machine's advertisement."""
    CONNECTING = "connecting"
    """Asking the radio for a connection and the list of services."""
    INSPECTING = "inspecting"
    """Looking for the fitness machine service and what Backstride needs of it."""
    READING = "reading"
    """Reading features, ranges and the device information."""
    SUBSCRIBING = "subscribing"
    """Enabling indications, then notifications."""
    READY = "ready"
    """Everything is enabled; commands may be sent."""
    DOWN = "down"
    """The connection is over; its object is never used again."""


class FtmsError(BackstrideError):
    """The treadmill cannot be used now. `stage` says how far it came."""

    stage = Stage.FINDING


class RadioError(FtmsError):
    """The radio of this host does not work: switched off, absent, or not permitted."""


class NotFoundError(FtmsError):
    """No advertisement of the wanted machine was heard."""


class AmbiguousError(FtmsError):
    """Several machines fit; the message lists them and says what to configure."""


class ConnectError(FtmsError):
    """The machine advertises, but the connection or its list of services failed."""

    stage = Stage.CONNECTING


class NotATreadmillError(FtmsError):
    """Connected, but something that Backstride needs is not offered."""

    stage = Stage.INSPECTING


class NotAStrapError(FtmsError):
    """Connected, but it is no heart-rate strap."""

    stage = Stage.INSPECTING


class ReadError(FtmsError):
    """A value could not be read: the link broke or the machine did not answer."""

    stage = Stage.READING


class RangeError(FtmsError):
    """The machine's own speed range makes no sense, so it must not be controlled."""

    stage = Stage.READING


class SubscribeError(FtmsError):
    """Indications or notifications could not be enabled."""

    stage = Stage.SUBSCRIBING


class EncodingError(BackstrideError):
    """A command does not fit the control point: a defect elsewhere, stopped before the radio."""
