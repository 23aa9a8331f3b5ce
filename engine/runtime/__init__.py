"""The service: events in, messages out, decided once. Feeds core from the store, hands messages to providers; judges nothing itself."""
