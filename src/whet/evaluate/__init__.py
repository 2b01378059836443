"""Scores and what they are worth: metrics, intervals, paired comparisons."""
