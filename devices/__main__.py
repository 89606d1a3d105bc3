"""``python -m devices``."""

from dsp.complaints import end_in_order, plainly

if __name__ == "__main__":
    with plainly():  # Ctrl-C while the libraries load is quiet as well
        end_in_order()
        from devices.cli import main

        main()
