"""Leading a person through gestures in front of a device: what to do, for how long, and whether it was any good."""
