"""One recipe a file; the file name is the name that a person types."""
