"""Defences of watching: no hint is lost or kept waiting for ever, and what can't be believed is known."""

from typing import Final

from mutant import Mutant

HERE: Final = "syncd/adapters/sources/filesystem"
HINTS: Final = "syncd/core/hints.py"
HINT_TESTS: Final = "tests/unit/test_hints.py"
WATCH_TESTS: Final = "tests/unit/test_filesystem_watch.py"
BLIND: Final = "syncd/core/blind.py"
BLINDNESS: Final = f"{HERE}/blindness.py"
BLIND_TESTS: Final = "tests/unit/test_filesystem_watch_blind.py"
FAULT_TESTS: Final = "tests/unit/test_filesystem_watch_faults.py"
BLIND_LAWS: Final = "tests/property/test_blind_laws.py"
BELOW_TESTS: Final = "tests/unit/test_filesystem_below.py"

WATCH: Final[tuple[Mutant, ...]] = (
    # -- hints: none is lost, all is bounded, nothing waits for ever
    Mutant(
        "hints: any number of keys of a page",
        HINTS,
        "if len(node.keys) > KEYS_OF_A_PAGE:",
        "if False:",
        (f"{HINT_TESTS}::test_many_keys_are_their_page",),
    ),
    Mutant(
        "hints: any number of things",
        HINTS,
        "elif len(self._things) > THINGS or",
        "elif",
        (f"{HINT_TESTS}::test_very_many_things_are_the_source",),
    ),
    Mutant(
        "hints: what is never calm is never looked at",
        HINTS,
        "return min(self.calm_at, self.first + LONGEST)",
        "return self.calm_at",
        (f"{HINT_TESTS}::test_a_file_written_all_the_time_is_looked_at",),
    ),
    Mutant(
        "hints: the longest wait rules, not the latest hint",
        HINTS,
        "thing.calm_at = calm_at if told else max(thing.calm_at, calm_at)",
        "thing.calm_at = max(thing.calm_at, calm_at)",
        (f"{HINT_TESTS}::test_the_latest_hint_says_how_long",),
    ),
    Mutant(
        "hints: what was put back is new",
        HINTS,
        "self._mark(what, name, taken.since, now, told=False)",
        "self._mark(what, name, now, now, told=False)",
        (f"{HINT_TESTS}::test_what_was_put_back_keeps_its_age",),
    ),
    Mutant(
        "hints: what is swallowed has no age",
        HINTS,
        "                first = min(first, each.first)\n",
        "",
        (f"{HINT_TESTS}::test_many_keys_are_their_page", "tests/property/test_hints_laws.py::test_nothing_hinted_is_ever_lost"),
    ),
    Mutant(
        "hints: what is not calm is dropped by a take",
        HINTS,
        "self._things.difference_update(taken)",
        "self._things.clear()",
        ("tests/property/test_hints_laws.py::test_nothing_hinted_is_ever_lost",),
    ),
    # -- events: all that changes something is told, under the name that it has
    Mutant(
        "watch: attributes are not asked for",
        f"{HERE}/listening.py",
        "_Event.IN_CLOSE_WRITE | _Event.IN_ATTRIB |",
        "_Event.IN_CLOSE_WRITE |",
        (f"{WATCH_TESTS}::test_who_may_read_a_file", f"{WATCH_TESTS}::test_who_may_pass_a_directory"),
    ),
    Mutant(
        "watch: directories above the root do not count",
        f"{HERE}/listening.py",
        "            self._look_up(root)\n",
        "",
        (f"{WATCH_TESTS}::test_who_may_pass_a_directory",),
    ),
    Mutant(
        "watch: new directories are not watched",
        f"{HERE}/listening.py",
        "if known is None and not event.mask & _GOES:",
        "if False:",
        (f"{WATCH_TESTS}::test_a_tree_that_is_made_at_once",),
    ),
    Mutant(
        "watch: a moved directory keeps its name",
        f"{HERE}/listening.py",
        "if known is not None and event.mask & (_COMES | _GOES):",
        "if False:",
        (f"{WATCH_TESTS}::test_what_moved_is_watched_where_it_is",),
    ),
    Mutant(
        "watch: a directory is listed before it is watched",
        f"{HERE}/listening.py",
        "                wd = self._watch(fd, MASK)  # before it is listed: what comes into it meanwhile is told\n",
        "                names = self._grounds.directories(fd, key_of(parts))\n                wd = self._watch(fd, MASK)\n",
        (f"{WATCH_TESTS}::test_a_directory_made_while_its_parent_is_looked_at",),
        (
            (
                "  # as below\n                names = self._grounds.directories(fd, key_of(parts))\n",
                "  # as below\n",
            ),
        ),
    ),
    Mutant(
        "watch: excluded directories are watched",
        f"{HERE}/grounds.py",
        " if self.selection.enters(prefix, to_text(name)))",
        ")",
        (f"{WATCH_TESTS}::test_what_is_left_out_is_not_told",),
    ),
    Mutant(
        "watch: what lay under a mount is forgotten",
        f"{HERE}/listening.py",
        "            self._grow(parts)  # what the mount lay over is there again\n",
        "",
        (f"{FAULT_TESTS}::test_mounts_come_and_go",),
    ),
    # -- faults: what can't be believed is known
    Mutant(
        "watch: dropped events are nothing",
        f"{HERE}/listening.py",
        "        self._fail(OVERFLOW)\n",
        "        return\n",
        (f"{FAULT_TESTS}::test_dropped_events",),
    ),
    Mutant(
        "watch: an error ends the thread",
        f"{HERE}/listening.py",
        "except Exception as error:",
        "except ZeroDivisionError as error:",
        (f"{FAULT_TESTS}::test_who_is_told_fails",),
    ),
    Mutant(
        "watch: what can't be watched is left out",
        f"{HERE}/listening.py",
        "                self._blind.add(parts, LIMIT)\n",
        "                return []\n",
        (f"{BLIND_TESTS}::test_more_directories_than_watches", f"{BLIND_TESTS}::test_a_part_for_which_there_is_no_watch"),
    ),
    Mutant(
        "watch: a root with the inode of the old one is the old one",
        f"{HERE}/listening.py",
        "                if not parts:\n                    self._fail(ROOT_GONE)\n",
        "",
        (f"{FAULT_TESTS}::test_a_root_that_goes",),
    ),
    Mutant(
        "watch: another root is as good",
        f"{HERE}/watching.py",
        "return None if listener is None or root.identity == listener.root else ROOT_OTHER",
        "return None",
        (f"{FAULT_TESTS}::test_another_root_in_its_place",),
    ),
    Mutant(
        "watch: nobody has to read",
        f"{HERE}/watching.py",
        "if listener is not None and not listener.alive:",
        "if False:",
        (f"{FAULT_TESTS}::test_nobody_reads",),
    ),
    Mutant(
        "watch: shared disks are believed",
        f"{HERE}/watching.py",
        "if Mounts().silent(root.fd):",
        "if False:",
        (f"{FAULT_TESTS}::test_file_systems_that_do_not_tell",),
    ),
    Mutant(
        "watch: shared disks below the root are believed",
        f"{HERE}/listening.py",
        "if mounts.silent(fd):",
        "if False:",
        (f"{BLIND_TESTS}::test_a_silent_mount_below_the_root",),
    ),
    Mutant(
        "watch: what is mounted later is not noticed",
        f"{HERE}/listening.py",
        "if self._mounted.same():",
        "if True:",
        (f"{BLIND_TESTS}::test_what_is_mounted_later_is_noticed",),
    ),
    Mutant(
        "watch: a place that the table of mounts escapes is another one",
        f"{HERE}/mounts.py",
        "path = _ESCAPE.sub(lambda found: bytes([int(found[1], 8)]), path)",
        "path = bytes(path)",
        (f"{BLIND_TESTS}::test_what_is_mounted_later_is_noticed",),
    ),
    # -- what is blind: known as far as it reaches, and no longer than it is
    Mutant(
        "blind: what is gone stays blind",
        f"{HERE}/listening.py",
        "            self._blind.drop((*branch.parts, event.name))\n",
        "            pass\n",
        (f"{BLIND_TESTS}::test_a_part_that_is_gone_is_not_blind",),
    ),
    Mutant(
        "blind: what came to be watched is not told",
        f"{HERE}/listening.py",
        "if tree not in left and not self._closed:",
        "if False:",
        (f"{BLIND_TESTS}::test_a_part_for_which_there_is_no_watch",),
    ),
    Mutant(
        "blind: what came to be watched is told of after whatever may fail",
        f"{HERE}/listening.py",
        "        left = self.blind().trees\n",
        "        self._blind.count()\n        left = self.blind().trees\n",
        (f"{BLIND_TESTS}::test_what_came_to_be_watched_is_told_whatever_comes_after",),
    ),
    Mutant(
        "watch: what is above the root is nowhere else",
        f"{HERE}/listening.py",
        "            return above + [",
        "            return above if event.wd in self._above else [",
        (f"{FAULT_TESTS}::test_a_directory_above_the_root_is_mounted_in_it",),
    ),
    Mutant(
        "watch: a table of mounts that can't be read ends the tending",
        f"{HERE}/listening.py",
        "        with self._guarded():\n            if self._mounted.same():\n                return\n",
        "        if self._mounted.same():\n            return\n        with self._guarded():\n",
        (f"{FAULT_TESTS}::test_a_table_of_mounts_that_can_not_be_read",),
    ),
    Mutant(
        "blind: nothing is while it is tried again",
        BLINDNESS,
        "            self._before.merge(self._spots)\n            return tuple(prefix for prefix, _ in self._before.items())\n",
        "            return tuple(prefix for prefix, _ in self._spots.items())\n",
        (f"{BLIND_TESTS}::test_what_is_being_looked_at_anew_is_still_blind",),
    ),
    Mutant(
        "blind: a try that broke off is as good",
        BLINDNESS,
        "if not through:",
        "if False:",
        (f"{BLIND_TESTS}::test_what_is_being_looked_at_anew_is_still_blind",),
    ),
    Mutant(
        "blind: only so many watches are missing as parts are known",
        BLINDNESS,
        "missing += self._branches.find(parts) is None",
        "missing = len(trees)",
        (f"{BLIND_TESTS}::test_a_part_for_which_there_is_no_watch", f"{BLIND_TESTS}::test_more_directories_than_watches"),
    ),
    Mutant(
        "blind: any number of parts",
        BLIND,
        "while len(self._codes) > PARTS:",
        "while False:",
        (f"{BLIND_TESTS}::test_very_many_parts_are_their_parent", f"{BLIND_LAWS}::test_there_are_never_more_than_so_many"),
    ),
    Mutant(
        "blind: what is taken together loses its reasons",
        BLIND,
        "self._codes[prefix] = codes.union(*(self._codes.pop(tree) for tree in swallowed))",
        "for tree in swallowed:\n            del self._codes[tree]\n        self._codes[prefix] = codes",
        (f"{BLIND_LAWS}::test_there_are_never_more_than_so_many", f"{BLIND_LAWS}::test_the_deepest_are_taken_together_first"),
    ),
    Mutant(
        "blind: the limit of the machine is named in a container",
        f"{HERE}/limits.py",
        "own.value < usual.value",
        "False",
        (f"{BLIND_TESTS}::test_the_limit_of_a_container_is_the_one_that_is_named",),
    ),
    Mutant(
        "blind: the command raises the limit by nothing",
        f"{HERE}/limits.py",
        "_power_of_two(((self.value or 0) + by) * 5 // 4)",
        "_power_of_two(self.value or 0)",
        (f"{BLIND_TESTS}::test_the_command_that_raises_the_limit",),
    ),
    Mutant(
        "blind: too many open files are too few instances",
        f"{HERE}/watching.py",
        '        os.close(os.open(b"/", os.O_PATH | os.O_CLOEXEC))\n',
        "        pass\n",
        (f"{BLIND_TESTS}::test_no_file_may_be_opened",),
    ),
    # -- a scan that begins below the root
    Mutant(
        "scan: the way down does not count",
        f"{HERE}/source.py",
        "parent = stack.enter_context(entered(root, parts[:-1], self._permissions))",
        "parent = Place(stack.enter_context(entered(root, parts[:-1], self._permissions)).fd, root.passage)",
        (f"{BELOW_TESTS}::test_the_way_down_counts",),
    ),
    Mutant(
        "scan: excluded directories on the way are entered",
        f"{HERE}/source.py",
        "if parts is None or not self._selection.comes_to(below):",
        "if parts is None:",
        (f"{BELOW_TESTS}::test_an_excluded_directory_on_the_way",),
    ),
    Mutant(
        "scan: what lies behind a closed directory is gone",
        f"{HERE}/source.py",
        "return (Visit(below, None, error),)",
        "return ()",
        (f"{BELOW_TESTS}::test_a_directory_on_the_way_that_can_not_be_entered",),
    ),
)
