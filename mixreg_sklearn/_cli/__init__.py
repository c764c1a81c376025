"""The command line, one concept a file; `main` runs it."""
