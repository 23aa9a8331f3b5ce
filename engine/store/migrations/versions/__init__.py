"""One file for each change of the tables, in order. What a released version has run is never edited."""
