"""opsctl: operate clusters of caches, queues and databases from one file."""

__version__ = "0.1.0"
