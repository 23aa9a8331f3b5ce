"""What the benchmarks of the running service share: a book, databases, the server's process, a client, and the shape of a result."""
