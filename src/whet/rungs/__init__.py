"""The rungs: one file each, found by entry point; ``base.py`` has the contract."""
