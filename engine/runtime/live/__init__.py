"""What people watch: queues, lists, one person, funnels, rates. Reads only, and costs the same with a million rows beside it."""
