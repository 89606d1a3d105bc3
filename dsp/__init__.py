"""What flows, the ring, the kernels and the pipeline: the ground floor, which imports none of the other rooms."""
