"""Home Assistant's MQTT discovery: one device for each treadmill, with everything that it shows and takes.

Theory of operation
-------------------
One retained message, `homeassistant/device/<id>/config`, tells Home Assistant (2024.11 or newer) which
entities there are, where their states come from and what their buttons send. It is made from `info` and
`programs` exactly as they are published, so that it can offer nothing that the daemon would not.

Home Assistant checks the message with more severity than help: one mandatory key that is missing refuses
the whole device, a key that it does not know is dropped without a word. So the message is built from types
that have the keys it knows and no others (`payload`), and the tests hold it against the real integration.

A command from Home Assistant is a JSON command like any other: a template stamps it with an id, the time,
and the daemon's `boot`, which each commanding entity keeps as an attribute from `info`. `stop` alone is a
constant: a template that fails loses its command.

The message is sent a few seconds after something changed or Home Assistant came up (`announcer`). Nothing
else in the daemon knows of Home Assistant.
"""
