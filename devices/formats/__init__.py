"""File formats: one module for each, reading, writing, or both."""
