"""``python -m train``."""

from dsp.complaints import plainly

if __name__ == "__main__":
    with plainly():  # Ctrl-C while the libraries load is quiet as well
        from train.cli import main

        main()
