"""The daemon: one loop around the pure core."""
