"""A release behind an OpenAI-compatible address, and the fine-tuning API."""
