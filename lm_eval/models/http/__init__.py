"""How a call is answered: transport, retries, limits, concurrency, endpoints, the journal, and the workers."""
