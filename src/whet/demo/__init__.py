"""A support desk of our own writing: data to see the ladder on."""
