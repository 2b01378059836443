"""Scorers: how good an output is, from 0 to 1, and a sentence that says why. One module a family."""
