"""What a Myo armband has to be read and written: handles of its attributes, commands, the shape of its samples.

From the header that its maker published (github.com/thalmiclabs/myo-bluetooth) and the handles that open drivers use.
"""

from __future__ import annotations

SERVICE = bytes.fromhex("4248124A7F2C4847B9DE04A9010006D5")
"""UUID d5060001-a904-deb9-4748-2c7f4a124842, as it is sent; by it a Myo is known before it is connected."""

ADVERTISED = b"\x06" + SERVICE
"""How the advertisement of a Myo ends."""

NAME, BATTERY, FIRMWARE, COMMAND = 0x03, 0x11, 0x17, 0x19

EMG = (0x2B, 0x2E, 0x31, 0x34)
"""In the order in which they take turns."""

EMG_NOTIFY = (0x2C, 0x2F, 0x32, 0x35)
NOTIFY = b"\x01\x00"

OTHER_SIZES = {0x11: 1, 0x1C: 20, 0x23: 6, 0x27: 17}
"""Bytes of what else it may notify: battery, movement, recognised poses, preprocessed EMG."""

NOTIFICATIONS_HZ = 100.0
SAMPLES = 2
"""In a notification."""

CHANNELS = 8

NEVER_SLEEP = b"\x09\x01\x01"
SLEEP_AGAIN = b"\x09\x01\x00"
DEEP_SLEEP = b"\x04\x00"
NO_MODE = b"\x01\x03\x00\x00\x00"
RAW_EMG = b"\x01\x03\x03\x00\x00"
"""EMG as it is, without the armband's filter; no movement, no poses."""

VIBRATE_BRIEFLY = b"\x03\x01\x01"
