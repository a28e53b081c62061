"""Guided backward walking on a Bluetooth treadmill."""

__version__ = "0.1.0"
