"""The only supported reader: decide, filter, query, unseal, decide again."""
