"""The `hongyan` command, one file per subcommand: parses, asks the other rooms, prints. Judges nothing itself."""
