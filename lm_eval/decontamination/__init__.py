"""Finding test documents in training texts; nothing in this package needs it."""
