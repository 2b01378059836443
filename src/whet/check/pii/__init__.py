"""Personal data and secrets: found by pattern and by model, told without being shown, replaced."""
