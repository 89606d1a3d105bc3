"""The web view: a process of its own that serves what the board says to browsers, as one page."""
