"""Writing a stream to a file while it runs, without holding anybody up."""
