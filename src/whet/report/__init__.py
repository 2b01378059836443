"""The report: one self-contained HTML page. ``page.py`` has the whole, the other modules its parts."""
