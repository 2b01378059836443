"""Models: where their weights come from, and how text goes through them."""
