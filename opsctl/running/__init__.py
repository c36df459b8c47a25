"""Runs a Plan: lock, journal, waves, gates, one member at a time, safe stops."""
