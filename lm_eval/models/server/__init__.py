"""What a server can do: the probe, its findings, and the server's own tokenizer."""
