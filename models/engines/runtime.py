"""ONNX Runtime, told to keep to itself.

Its packages write an identifier and a database of events into the user's home, and may send them, unless the
environment says otherwise before they are loaded (https://github.com/microsoft/onnxruntime/pull/27379).
"""

from __future__ import annotations

import os

for _name in ("ORT_DISABLE_TELEMETRY", "ORT_TELEMETRY_DISABLED"):  # the name has changed from version to version
    os.environ.setdefault(_name, "1")

import onnxruntime  # noqa: E402 - after that

onnxruntime.disable_telemetry_events()

__all__ = ["onnxruntime"]
