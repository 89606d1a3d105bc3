"""Is a device wired up: what is looked at, what is found, and its cure."""
