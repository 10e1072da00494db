"""What every source says of itself."""


class Described:
    """A source with what is fixed when it is configured. place: where it is, to people; settings: 32 bytes, a digest of all that
    changes what it sees.
    """

    def __init__(self, name: str, *, realm: str, place: str, settings: bytes) -> None:
        self._name = name
        self._realm = realm
        self._place = place
        self._settings = settings

    @property
    def name(self) -> str:
        """The name in the configuration."""
        return self._name

    @property
    def realm(self) -> str:
        """The realm of the principals in its ACLs."""
        return self._realm

    @property
    def place(self) -> str:
        """Where it is, as people know it; no password stands in it."""
        return self._place

    @property
    def settings(self) -> bytes:
        """32 bytes: digest of what is selected, how it is read and who may read it."""
        return self._settings
