"""The parts of ``whet.models.endpoint``: what is sent, what is kept, what it costs, what goes wrong."""
