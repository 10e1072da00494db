"""Pure cryptography: keys and nonces are passed in (security.md)."""
