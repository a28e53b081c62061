"""Is everything there that a session needs? Each finding says what is so and, if need be, what to do."""
