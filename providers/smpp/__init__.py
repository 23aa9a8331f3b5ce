"""SMPP 3.4 as a transceiver. smpplib makes and reads the PDUs; connection, window, splitting, receipts and reassembly are our own.

`text` cuts a text into parts, `wire` is PDUs, `session` one bound connection, `link` keeps one up, `reports` reads what comes in,
`provider` puts them together.
"""

from providers.smpp.provider import SmppProvider, SmppSettings

__all__ = ["SmppProvider", "SmppSettings"]
