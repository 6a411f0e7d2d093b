"""Learning rules. Each is a pair of pure functions: the state it starts from, and one step."""
