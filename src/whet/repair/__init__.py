"""Repairs of examples: rules that can be read, a review file for people, a data card."""
