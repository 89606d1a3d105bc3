"""The lab streaming layer: streams in, streams out."""
