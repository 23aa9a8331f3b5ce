"""One file or folder per gateway: submit, parse receipts, parse replies. Knows neither rules nor the engine, only its own contract."""
