"""Becoming a service of this host, and ceasing to be one, for those who came without the Debian package."""
