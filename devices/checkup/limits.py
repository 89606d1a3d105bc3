"""Where a check-up draws its lines, and why there. A number without a source beside it is chosen here."""

from __future__ import annotations

RATE_OFF = 0.01
"""Share by which the rate may differ from the nominal one: a crystal keeps 0.01 %, the Myo and ceramic resonators
0.5 %; at 1 % a window of 200 ms is 2 ms longer than the one a network was trained on."""

RATE_AT_LEAST_S = 1.0
"""Of arrivals; the slope through fewer says more about the last chunk than about the clock."""

BURST_S = 0.03
"""Of signal that may arrive at once: half of it is added to the delay on average. The Myo's radio gives 15 ms, an FTDI
adapter with its usual latency timer 16 ms."""

STALL_S = 0.25
"""Between two arrivals: longer is seen by whoever controls something with it."""

SILENT_S = 0.5
"""Without a sample at the end of the listening: longer than any burst."""

SETTLE_S = 0.3
"""After the first sample, in which what had waited in buffers arrives; rate and jitter are measured after it."""

TOGETHER_S = 0.0005
"""Samples that are read so shortly after one another arrived together."""

LOST = 0.001
"""Share of samples that may be missing: one of the Cyton's packets in four seconds, which a good radio link keeps."""

DUPLICATE = 0.01
"""Share of packets that may come twice; they cost nothing but tell of a link that repeats itself."""

RESYNCS_PER_S = 0.1
"""How often the beginning of a packet may have to be searched for; bytes lost on a cable or by a late reader."""

LATENCY_TIMER_MS = 1
"""Of an FTDI adapter; its driver's own 16 ms hold the samples back for up to so long."""

FLAT = 0.1
"""Share of samples in stretches of half a second without any change: above it there is no contact, below it is weak.
An electrode on skin has noise of 1 uV and more, which every converter in use resolves."""

SATURATED = 0.01
"""Share of samples at the end of the range: above it there is no contact, below it is weak. An open input drifts to
the rail, while a muscle reaches a few millivolts."""

CLIPPED_VALUES = 50
"""Different values that a channel has to take before its extremes can be told from rounding, where the device's range
is not known."""

OFFSET = 0.5
"""Share of the range at which a constant voltage counts as weak contact: half of the range is then gone."""

MAINS_WEAK, MAINS_WEAK_UV = 0.5, 10.0
MAINS_NONE, MAINS_NONE_UV = 0.8, 100.0
"""Share of the power at 50 or 60 Hz and its harmonics, and its root mean square, that have to come together. A relaxed
muscle is so quiet that a few microvolts of mains are most of its power and do no harm once filtered; an electrode in
the air gives hundreds."""

MAINS_HALF_WIDTH_HZ = 2.0
MAINS_CLOCK = 0.003
"""Half the width of a mains line: the spectrum's resolution, and what the clock of a device may be off by."""

QUIET_S = 0.25
"""Length of the stretches of which the quietest is taken for the noise."""

NOISE_UV = 50.0
"""Root mean square of the quietest stretch. Good electrodes have 1 to 5 uV, and dry ones up to 20; above 50 only strong
contractions can be told from rest."""

SILENT_UV = 0.1
"""Root mean square that no electrode stays below, its amplifier not being that quiet: no electrode, or another unit."""

AMPLIFIED_UV, ELECTRODE_RANGE_UV = 1e6, 5000.0
"""A range of 1 V and more is that of a converter with an amplifier of unknown gain before it (no electrode gives
volts). The limits in microvolts are then raised as if the range were ±5 mV at the electrode, as EMG amplifiers have."""

BAND_HZ = (20.0, 450.0)
"""In which the power is counted, and at most up to 0.45 of the rate: the usual band of surface EMG (De Luca et al.,
"Filtering the surface EMG signal", J Biomech 43:1573-1579, 2010, for the lower end)."""

JUDGED_S = 0.5
"""Of signal, below which nothing is said of the contact."""
