"""The pure core: what is allowed, what happens next. No clock, no I/O, no asyncio, no floats."""
