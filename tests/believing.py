"""What a consumer of a source believes who opens only the pages whose stamp changed, as a run does."""

from syncd.core.model import Content
from syncd.ports import Source


class Believer:
    """Believes texts by key. opened: how many pages were opened so far."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._stamps: dict[str, bytes | None] = {}
        self._versions: dict[str, dict[str, bytes]] = {}
        self._texts: dict[str, bytes] = {}
        self.opened = 0

    def look(self) -> dict[str, bytes]:
        """One pass; returns what is believed after it."""
        seen = set()
        for page in self._source.scan():
            seen.add(page.prefix)
            if page.stamp is not None and self._stamps.get(page.prefix) == page.stamp:
                continue
            self.opened += 1
            listing = page.load()
            before = self._versions.get(page.prefix, {})
            after = {member.key: member.version for member in listing.members}
            settled = True
            for member in listing.members:
                if member.racy or before.get(member.key) != member.version:
                    got = self._source.fetch(member)
                    settled &= isinstance(got, Content)
                    if isinstance(got, Content):
                        self._texts[member.key] = got.data
                    else:
                        after.pop(member.key)
            for gone in before.keys() - after.keys():
                self._texts.pop(gone, None)
            self._versions[page.prefix] = after
            self._stamps[page.prefix] = listing.stamp if settled else None
        for prefix in self._versions.keys() - seen:
            for gone in self._versions.pop(prefix):
                self._texts.pop(gone, None)
            self._stamps.pop(prefix, None)
        return dict(self._texts)
