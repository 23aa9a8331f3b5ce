"""The console: pages for people over the same engine as the API. It asks and shows; it never judges a rule itself."""
