"""One way out of whet a file: what a specialist needs to run in another library."""
