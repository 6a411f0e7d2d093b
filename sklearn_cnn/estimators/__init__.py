"""What users construct: one module a kind of network."""
