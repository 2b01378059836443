"""From a specialist to a release: registry, approval, audit log, card, export."""
