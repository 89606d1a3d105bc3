"""What is drawn in which colour; none of them says anything that words do not say as well."""

from __future__ import annotations

NEUTRAL, RIGHT, WRONG = "bright_cyan", "bright_green", "bright_red"
LABEL = "grey70"
FAINT = "grey50"
