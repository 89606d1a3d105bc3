"""Networks, ensembles, checkpoints, the resident classifier and the decision layer."""
