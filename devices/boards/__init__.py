"""Armbands and boards on a serial port: one module for each language they speak."""
