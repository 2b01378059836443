"""The ten standards of good data: one module a standard, findings, and repairs."""
