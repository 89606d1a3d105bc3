"""The live path: acquisition, the one loop, sinks, latency, views."""
