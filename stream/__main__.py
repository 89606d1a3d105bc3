"""``python -m stream``."""

from dsp.complaints import plainly

if __name__ == "__main__":
    with plainly():
        from stream.cli import app

        app(prog_name="python -m stream")
