"""The data plane between tasks: partitioners, encoding, credit-based flow control, and connections between workers.

Protocols are pure state machines (``credit_sender``, ``credit_receiver``, ``frames``, ``handshake``,
``block_assembler``); ``environment`` and what it builds are the thin asyncio shell around them. Tasks see only the
interfaces of ``millstream.taskmanager.exchange``.
"""
