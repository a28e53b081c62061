"""What was walked, for years: SQLite, and the files that other programs read."""
