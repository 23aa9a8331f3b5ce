"""What should happen, and making it happen exactly once. `core` decides and touches nothing; the other rooms feed it."""
