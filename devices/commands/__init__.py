"""The commands of ``python -m devices``, one module for each."""
