"""The control room: HTTP and JSON on a Unix socket, answered from the table of operations. asyncio lives here alone."""
