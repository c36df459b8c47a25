"""The outside world beyond targets: secrets, the lock file, and the engines' client libraries."""
