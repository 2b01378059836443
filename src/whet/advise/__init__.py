"""Should this job be trained for? ``checklist.py`` has the ten questions, ``counsel.py`` the answer."""
