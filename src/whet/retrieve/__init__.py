"""Passages of a task's documents, found for an input: by words, by meaning, fused."""
