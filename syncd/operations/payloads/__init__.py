"""What operations give: the payloads of replies, lists, plans and ended work, as `--json` prints them and the API describes them.

Version 1: names stay, and more may come. Times are UTC in ISO 8601, to the second; None is never, or not known.
"""
