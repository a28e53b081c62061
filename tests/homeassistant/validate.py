"""Hold discovery messages against the real integration's schemas: python validate.py < messages > findings.

Runs in Home Assistant's environment. Takes a list of messages and gives a list of findings for each; a
finding is a list, too: the component, the key or None, what is wrong.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import sys
import tempfile

import voluptuous as vol
from homeassistant.components.mqtt.discovery import (
    MQTTDiscoveryPayload,
    _merge_common_device_options,
)
from homeassistant.components.mqtt.schemas import DEVICE_DISCOVERY_SCHEMA
from homeassistant.core import HomeAssistant
from homeassistant.helpers import frame


def known_keys(schema):
    """The keys of a component's schema, whatever is wrapped around it."""
    if isinstance(schema, vol.All):
        return set().union(*(known_keys(part) for part in schema.validators))
    return {str(key) for key in schema.schema} if isinstance(schema, vol.Schema) else set()


def find_problems(payload):
    found = []
    try:
        DEVICE_DISCOVERY_SCHEMA(payload)
    except vol.Invalid as error:
        found.append(["device", None, str(error)])
    for name, component in payload["components"].items():
        config = MQTTDiscoveryPayload(component)
        platform = config.pop("platform")
        if not config:
            continue
        module = importlib.import_module(f"homeassistant.components.mqtt.{platform}")
        schema = module.DISCOVERY_SCHEMA
        found += [[name, key, "unknown"] for key in sorted(set(config) - known_keys(schema))]
        config |= {"device": payload["device"], "origin": payload["origin"]}
        _merge_common_device_options(config, payload)
        try:
            schema(dict(config))
        except vol.Invalid as error:
            found.append([name, None, str(error)])
    return found


async def main():
    # Templates are compiled, which takes a Home Assistant, started or not.
    with tempfile.TemporaryDirectory() as directory:
        hass = HomeAssistant(directory)
        frame.async_setup(hass)
        json.dump([find_problems(each) for each in json.load(sys.stdin)], sys.stdout)
        await hass.async_stop(force=True)


asyncio.run(main())
