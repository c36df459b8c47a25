"""Drills again and again: what clients feel of each fault, and how often a stall is a failover."""
