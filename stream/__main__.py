"""``python -m stream``."""

from dsp.complaints import plainly

if __name__ == "__main__":
    with plainly():  # Ctrl-C while the libraries load is quiet as well
        from stream.cli import main

        main()
