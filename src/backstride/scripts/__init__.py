"""Interval scripts: YAML in, programs out; the only place that knows their text form."""
