"""What is drawn in which colour; none of them says anything that words do not say as well."""

from __future__ import annotations

QUIET, LOUD, NEUTRAL, RIGHT, WRONG = "dark_cyan", "bright_cyan", "bright_cyan", "bright_green", "bright_red"
LABEL = "grey70"
FAINT = "grey50"
