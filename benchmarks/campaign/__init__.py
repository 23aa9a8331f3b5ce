"""A campaign over many people, from the broadcast event to the outbox: consent, quiet hours, two caps, a rendered text."""
