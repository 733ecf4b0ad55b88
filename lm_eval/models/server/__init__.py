"""What a server can do: the probe and its findings, the server's own tokenizer, and the settings of scoring."""
