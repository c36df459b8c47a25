"""Alerts that wake somebody: by which fault each is seen, and how soon it was told."""
