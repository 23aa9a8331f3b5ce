"""Help for who writes a book: what may stand at a place, what something means, what would repair a finding, the book's contents.

Answered from the same schema, positions and checks as `check`. Pure: texts in, data out; nothing here is needed to judge a rule.
"""
