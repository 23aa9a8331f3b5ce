"""The operations of `/v1`, one file per noun: each says what it takes and answers, asks the service, and shapes what came back."""
