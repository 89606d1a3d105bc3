"""From recordings to checkpoints: data, recipes, the loop, evaluation."""
