"""The kernel's limits on inotify: which one is in the way, how high it is, and the command that raises it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

KEPT = "/etc/sysctl.d/60-syncd.conf"
"""Where a person keeps what was raised over a restart of the machine."""
_PROC = Path("/proc/sys")
_LEAST = {"watches": 1 << 16, "instances": 1 << 8}
"""Less is never advised: only what is used takes memory."""
_MOST = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Limit:
    """what: is limited; name: as sysctl has it; value: what it is now, None where that can't be read."""

    what: Literal["watches", "instances"]
    name: str
    value: int | None

    def raised(self, by: int) -> str:
        """Words: what it is, and the command that makes room for `by` more and then some: others of the account grow as well."""
        there = "can't be read" if self.value is None else f"is {self.value}"
        wanted = max(_LEAST[self.what], _power_of_two(((self.value or 0) + by) * 5 // 4))
        return f"`{self.name}` {there}: `sysctl -w {self.name}={min(wanted, _MOST)}`, and keep it in {KEPT}"


def limit(what: Literal["watches", "instances"]) -> Limit:
    """The limit on watches or instances that counts here: a user namespace, as a container may have, can set one of its own."""
    usual = Limit(what, f"fs.inotify.max_user_{what}", _read(f"fs/inotify/max_user_{what}"))
    own = Limit(what, f"user.max_inotify_{what}", _read(f"user/max_inotify_{what}"))
    if own.value is not None and usual.value is not None and own.value < usual.value:
        return own
    return usual


def too_few_watches(needed: int, missing: int, *, exact: bool) -> str:
    """Words. needed: watches that a source takes; missing: of them, those that it does not have. exact: or at least so many."""
    least = "" if exact else "at least "
    return f"it takes {least}{needed} watches, {missing} of them are missing, and {limit('watches').raised(missing)}"


def too_few_instances() -> str:
    """Words."""
    return limit("instances").raised(1)


def _read(name: str) -> int | None:
    try:
        return int((_PROC / name).read_text())
    except (OSError, ValueError):
        return None


def _power_of_two(least: int) -> int:
    return 1 << max(0, least - 1).bit_length()
