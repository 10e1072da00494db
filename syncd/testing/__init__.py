"""For tests of what others write for syncd. Needs pytest; nothing of syncd itself imports it."""
