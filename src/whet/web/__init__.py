"""The local web application: pages over the same functions as the commands."""
