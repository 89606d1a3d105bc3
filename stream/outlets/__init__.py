"""One file for each kind of ``--sink``; ``kinds`` lists them, ``stream.destinations`` opens them."""
