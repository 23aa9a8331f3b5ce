"""Events per second and core of `hongyan simulate`, against only parsing the same lines, and the memory that it takes."""
