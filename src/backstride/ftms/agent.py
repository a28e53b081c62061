"""A pairing agent without a person: it says yes to one machine, once, and no to everything else.

It can neither show nor take a number, so BlueZ pairs as Bluetooth calls it "just works"; then it only asks
whether the pairing may go on. It is registered for the connection of one conversation and is not made
the host's default agent: BlueZ asks it only about pairings that this conversation began, and whoever pairs
a headset meanwhile is asked by the agent of their own. Names: BlueZ's doc/org.bluez.Agent.rst.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final

import structlog
from dbus_fast import Message, MessageType

from backstride.ftms.bluez import BluezError, Conversation

_LOG: Final = structlog.get_logger("backstride.ftms")

AGENT: Final = "/org/backstride/agent"
CAPABILITY: Final = "NoInputNoOutput"
_INTERFACE: Final = "org.bluez.Agent1"
_MANAGER: Final = "org.bluez.AgentManager1"
_REJECTED: Final = "org.bluez.Error.Rejected"


@asynccontextmanager
async def answering(talk: Conversation, device: str) -> AsyncIterator[None]:
    """Answer what BlueZ asks about the pairing with the machine of this object path, while inside.

    Raises:
        BluezError: BlueZ does not take the agent.
    """

    def answer(message: Message) -> Message | None:
        ours = message.message_type is MessageType.METHOD_CALL and message.path == AGENT
        if not ours or message.interface != _INTERFACE:
            return None
        if message.member in {"Release", "Cancel"}:
            return Message.new_method_return(message)
        granted = message.member == "RequestAuthorization" and message.body == [device]
        _LOG.info("pairing asked", question=message.member, granted=granted)
        if granted:
            return Message.new_method_return(message)
        return Message.new_error(message, _REJECTED, "Backstride pairs with its treadmill only")

    talk.connection.add_message_handler(answer)
    body = (AGENT, CAPABILITY)
    await talk.call("/org/bluez", f"{_MANAGER}.RegisterAgent", signature="os", body=body)
    try:
        yield
    finally:
        talk.connection.remove_message_handler(answer)
        with suppress(BluezError):  # it goes with the conversation anyway
            await talk.call(
                "/org/bluez", f"{_MANAGER}.UnregisterAgent", signature="o", body=(AGENT,)
            )
