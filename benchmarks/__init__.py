"""What is claimed, measured: each benchmark one command, with its peers in the same run. Nothing in the product imports this."""
