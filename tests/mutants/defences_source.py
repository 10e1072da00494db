"""Defences of the filesystem as a source: what is below the root, at one moment, under the ACLs that the kernel heeds."""

from typing import Final

from mutant import Mutant

HERE: Final = "syncd/adapters/sources/filesystem"
ACL_TESTS: Final = "tests/unit/test_filesystem_acl.py"
FETCH_TESTS: Final = "tests/unit/test_filesystem_fetch.py"
POSIX_TESTS: Final = "tests/unit/test_posix_acl.py"
SCAN_TESTS: Final = "tests/unit/test_filesystem_scan.py"
STAMP_TESTS: Final = "tests/unit/test_filesystem_stamps.py"
UNDERSTOOD: Final = (f"{ACL_TESTS}::test_an_acl_that_can_not_be_understood",)

SOURCE: Final = (
    # -- nothing from outside of the root
    Mutant(
        "scan: symlinks are files",
        f"{HERE}/listing.py",
        "elif not entry.is_symlink() and not (omits is not None and omits(text)):\n"
        "                    members.append((raw, entry.stat(follow_symlinks=False)))",
        "elif not (omits is not None and omits(text)):\n                    members.append((raw, entry.stat()))",
        (f"{SCAN_TESTS}::test_symlinks_are_not_followed",),
    ),
    Mutant(
        "scan: a directory may be a symlink",
        f"{HERE}/directories.py",
        "os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW",
        "os.O_PATH | os.O_DIRECTORY",
        (f"{SCAN_TESTS}::test_a_directory_that_became_a_symlink",),
    ),
    Mutant(
        "scan: keys that lead elsewhere",
        f"{HERE}/names.py",
        'part in {b"", b".", b".."} or',
        "",
        (f"{SCAN_TESTS}::test_keys_that_lead_elsewhere",),
    ),
    Mutant(
        "scan: another root in the same place",
        f"{HERE}/source.py",
        "if root.identity != identity:",
        "if False:",
        (f"{SCAN_TESTS}::test_a_root_replaced_during_the_scan",),
    ),
    Mutant(
        "scan: devices are read",
        f"{HERE}/observing.py",
        "if not stat.S_ISREG(status.st_mode):",
        "if False:",
        (f"{SCAN_TESTS}::test_special_files_are_refused",),
    ),
    Mutant(
        "scan: files of any size",
        f"{HERE}/observing.py",
        "if status.st_size > self._max_bytes:",
        "if False:",
        (f"{SCAN_TESTS}::test_large_files_are_refused",),
    ),
    Mutant(
        "scan: a root that is gone is empty",
        f"{HERE}/source.py",
        "            if not prefix:\n                raise self._unavailable(",
        "            if False:\n                raise self._unavailable(",
        (f"{SCAN_TESTS}::test_a_directory_that_can_not_be_listed_is_not_empty",),
    ),
    # -- a failed listing or stat is no deletion ("Fail closed" 7)
    Mutant(
        "scan: a folder that can't be listed is gone",
        f"{HERE}/source.py",
        "            return Page(prefix, None, load, Refusal(Reason.LISTING, error_name(found)))\n",
        "            return None\n",
        (f"{SCAN_TESTS}::test_a_directory_that_can_not_be_listed_is_not_empty",),
    ),
    Mutant(
        "scan: a status that can't be had is a file that is gone",
        f"{HERE}/listing.py",
        "                members.append((raw, error))\n",
        "                continue\n",
        (f"{SCAN_TESTS}::test_a_member_whose_status_fails_is_not_gone",),
    ),
    Mutant(
        "scan: what may be a directory is a file",
        f"{HERE}/listing.py",
        "    except OSError:\n        return True\n",
        "    except OSError:\n        return False\n",
        (f"{SCAN_TESTS}::test_what_may_be_a_directory_is_not_gone",),
    ),
    # -- the version that was observed, and no other
    Mutant(
        "fetch: changed while it was read",
        f"{HERE}/reading.py",
        "return data if version_of(os.fstat(fd)) == version and len(data) == status.st_size else Absence.CHANGED",
        "return data",
        (f"{FETCH_TESTS}::test_the_reader_notices_by_itself",),
    ),
    Mutant(
        "fetch: the ACL before is believed after",
        f"{HERE}/source.py",
        "if (after.version, after.acl) != (seen.version, seen.acl):",
        "if after.version != seen.version:",
        (f"{FETCH_TESTS}::test_a_directory_closed_while_it_was_read",),
    ),
    # -- who may read ("Fail closed" 2 and 3; security.md, tests 1, 7 and 11)
    Mutant(
        "acl: closed directories on the way are passed",
        f"{HERE}/permissions.py",
        "return passage if stops is None else (*passage, stops)",
        "return passage",
        (f"{ACL_TESTS}::test_a_file_for_everyone_behind_a_closed_directory",),
    ),
    Mutant(
        "acl: an unreadable directory on the way is open",
        f"{HERE}/permissions.py",
        "        except AclUnreadable:\n            return None\n        return passage if",
        "        except AclUnreadable:\n            return passage\n        return passage if",
        UNDERSTOOD,
    ),
    Mutant(
        "acl: everyone, whatever the configuration says",
        f"{HERE}/permissions.py",
        "kept = own if self._allow_everyone else own.without_everyone()",
        "kept = own",
        (f"{ACL_TESTS}::test_where_everyone_is_not_let_in",),
    ),
    Mutant(
        "acl: everyone, by a rule",
        f"{HERE}/permissions.py",
        "readers if self._allow_everyone else readers.without_everyone()",
        "readers",
        (f"{ACL_TESTS}::test_rules_speak_where_modes_say_nothing",),
    ),
    Mutant(
        "acl: mode and ACL of two moments",
        f"{HERE}/permissions.py",
        "if (after.st_ino, after.st_dev, after.st_ctime_ns) == (before.st_ino, before.st_dev, before.st_ctime_ns):",
        "if True:",
        (f"{ACL_TESTS}::test_mode_and_acl_are_of_one_moment",),
    ),
    Mutant(
        "acl: one that can't be read is none",
        f"{HERE}/posix_acl.py",
        "        if error.errno in _NO_ACL:\n",
        "        if error.errno:\n",
        (f"{POSIX_TESTS}::test_an_acl_that_can_not_be_read_is_not_none",),
    ),
    Mutant(
        "acl: no mask",
        f"{HERE}/posix_acl.py",
        "_entry(bits & acl.mask & want, user(realm, id_))",
        "_entry(bits & want, user(realm, id_))",
        (f"{POSIX_TESTS}::test_named_users_are_masked",),
    ),
    Mutant(
        "acl: a group that is refused is 'other'",
        f"{HERE}/posix_acl.py",
        "        deny(*(group(realm, id_) for id_, _ in groups if id_ not in granting)),\n",
        "",
        (f"{POSIX_TESTS}::test_any_granting_group_wins_over_a_denying_one",),
    ),
    Mutant(
        "acl: half an ACL",
        f"{HERE}/posix_acl.py",
        "if any(tags.count(tag) != 1 for tag in (_USER_OBJ, _GROUP_OBJ, _OTHER)) or tags.count(_MASK) > 1:",
        "if False:",
        (f"{POSIX_TESTS}::test_what_the_kernel_would_not_write_is_refused",),
    ),
    # -- stamps: what hides a change from the next scan
    Mutant(
        "stamp: the directories above do not count",
        f"{HERE}/listing.py",
        "tlv(self._settings, *self._root, Acl.of(passage).canonical())",
        "tlv(self._settings, *self._root)",
        (f"{STAMP_TESTS}::test_the_permissions_above_the_root",),
    ),
    Mutant(
        "stamp: the settings do not count",
        f"{HERE}/listing.py",
        "tlv(self._settings, *self._root, Acl.of(passage).canonical())",
        "tlv(*self._root, Acl.of(passage).canonical())",
        (f"{STAMP_TESTS}::test_other_settings_open_every_page",),
    ),
    Mutant(
        "stamp: a file of this moment is settled",
        f"{HERE}/listing.py",
        "if modified > settled or changed > settled:",
        "if False:",
        (f"{SCAN_TESTS}::test_recent_changes_are_racy",),
    ),
    Mutant(
        "stamp: an unknown ACL is settled",
        f"{HERE}/source.py",
        "None if any(o.acl is None for o in observations) else stamp",
        "stamp",
        UNDERSTOOD,
    ),
    Mutant(
        "version: the time of change does not count",
        f"{HERE}/listing.py",
        "status.st_size, modified, changed)\n\n\ndef is_racy",
        "status.st_size, modified, 0)\n\n\ndef is_racy",
        (f"{FETCH_TESTS}::test_changed_before",),
    ),
    Mutant(
        "version: a time that 64 bits do not hold ends the scan",
        f"{HERE}/listing.py",
        "status.st_mtime_ns & _TIME, status.st_ctime_ns & _TIME\n",
        "status.st_mtime_ns, status.st_ctime_ns\n",
        (f"{SCAN_TESTS}::test_times_that_64_bits_do_not_hold",),
    ),
    Mutant(
        "stamp: a time that 64 bits do not hold ends the scan",
        f"{HERE}/listing.py",
        "                    modified & _TIME,\n",
        "                    modified,\n",
        (f"{STAMP_TESTS}::test_a_time_that_64_bits_do_not_hold",),
    ),
    Mutant(
        "racy: nothing ever is",
        f"{HERE}/listing.py",
        "> now_ns - RACY_NS",
        "> now_ns + RACY_NS",
        (f"{SCAN_TESTS}::test_recent_changes_are_racy",),
    ),
    Mutant(
        "selection: what is negated is not",
        f"{HERE}/rules.py",
        "if pattern.include and pattern.regex is not None]",
        "if pattern.regex is not None]",
        ("tests/property/test_globs_laws.py::test_globs_say_what_gitignore_says",),
    ),
    Mutant(
        "selection: a name that is let in again is not",
        f"{HERE}/rules.py",
        'plain = [] if any(pattern.startswith("!") for pattern in said) else [',
        "plain = [",
        ("tests/property/test_globs_laws.py::test_a_name_is_judged_as_its_path_is",),
    ),
    Mutant(
        "selection: both ends of a name may be the same",
        f"{HERE}/rules.py",
        "name.endswith(tail) and len(name) >= least",
        "name.endswith(tail)",
        ("tests/property/test_globs_laws.py::test_a_name_is_judged_as_its_path_is",),
    ),
    Mutant(
        "stamp: of the passage before",
        f"{HERE}/listing.py",
        "            self._passage, self._above = passage, self._said_above(passage)\n",
        "            self._passage = passage\n",
        (f"{STAMP_TESTS}::test_the_permissions_above_the_root",),
    ),
    Mutant(
        "scan: all directories on the way are held open",
        f"{HERE}/walking.py",
        "held = len(levels) < HELD",
        "held = True",
        (f"{SCAN_TESTS}::test_a_deep_tree_takes_few_descriptors",),
    ),
    Mutant(
        "scan: names that may be read and nothing else",
        f"{HERE}/listing.py",
        "                if error.errno == errno.EACCES:\n",
        "                if False:\n",
        (f"{SCAN_TESTS}::test_what_the_account_may_not_see",),
    ),
    Mutant(
        "selection: a newline escapes an exclusion",
        f"{HERE}/rules.py",
        'plain = path.replace("\\n", _NEWLINE_STAND_IN)',
        "plain = path",
        ("tests/unit/test_filesystem_selection.py::test_a_newline_in_a_name_escapes_no_exclusion",),
    ),
)
