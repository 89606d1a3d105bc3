"""``python -m devices``."""

from devices.cli import app

if __name__ == "__main__":
    app(prog_name="python -m devices")
