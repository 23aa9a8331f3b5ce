"""The console's pages over a large database: how long the server takes for each."""
