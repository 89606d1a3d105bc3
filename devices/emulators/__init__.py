"""Devices that can be faked byte for byte, with faults on demand and a log of each."""
