"""The safety case: what is verified beyond ordinary tests, and the commands that do it."""
