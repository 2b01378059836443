"""What a specialist must show before anyone relies on it: measures with evidence, a page, a gate."""
