"""Sources of samples, recordings and their formats, and the simulator."""
