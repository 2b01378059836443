"""The command line: thin over the Python functions, and the only place that prints."""
