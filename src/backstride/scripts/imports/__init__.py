"""Other people's workouts as programs: ZWO, FIT workouts and QZ XML, fitted to walking backward."""
