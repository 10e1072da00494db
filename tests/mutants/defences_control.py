"""Defences of the control room: who is let in and asks for what, what is no request, and who keeps others waiting."""

from typing import Final

from mutant import Mutant

HERE: Final = "syncd/daemon/control"
APP: Final = f"{HERE}/app.py"
LISTENING: Final = f"{HERE}/listening.py"
PROTOCOL: Final = f"{HERE}/protocol.py"
REQUESTS: Final = f"{HERE}/requests.py"
ROLES: Final = f"{HERE}/roles.py"
APP_TESTS: Final = "tests/unit/test_control_app.py"
CLIENT_TESTS: Final = "tests/unit/test_control_client.py"
INPUT_TESTS: Final = "tests/unit/test_control_input.py"
LOAD_TESTS: Final = "tests/unit/test_control_load.py"
ROLES_TESTS: Final = "tests/unit/test_control_roles.py"
SOCKET_TESTS: Final = "tests/unit/test_control_socket.py"
INPUT: Final = (f"{INPUT_TESTS}::test_wrong_input_is_refused_with_its_place",)
UNFORESEEN: Final = (f"{APP_TESTS}::test_what_nobody_foresaw_is_told_without_its_text",)

CONTROL: Final = (
    # -- who asks, and for what (security.md, "Reading" 4)
    Mutant(
        "control: an operation is for whoever reaches the socket",
        APP,
        '_need(caller, f"`{operation.name}`", operation.roles)',
        "pass",
        (f"{ROLES_TESTS}::test_an_operation_is_for_its_roles",),
    ),
    Mutant(
        "control: nobody in particular is answered",
        APP,
        "if not isinstance(peer, Peer):",
        "if False:",
        (f"{SOCKET_TESTS}::test_nobody_in_particular_is_not_answered",),
    ),
    Mutant(
        "control: anybody's job is shown to anybody",
        APP,
        "if job.actor.uid != peer.uid:",
        "if False:",
        (f"{ROLES_TESTS}::test_jobs_are_seen_by_those_who_run_the_house_and_whoever_asked",),
    ),
    Mutant(
        "control: a name that means nobody means everybody",
        ROLES,
        "        return False\n    return name == EVERYONE",
        "        return True\n    return name == EVERYONE",
        (f"{ROLES_TESTS}::test_a_name_that_means_nobody_gives_nothing",),
    ),
    Mutant(
        "control: a text that is no name means everybody",
        ROLES,
        "return name == EVERYONE",
        "return True",
        (f"{ROLES_TESTS}::test_a_name_that_means_nobody_gives_nothing",),
    ),
    Mutant(
        "control: a role that was given to somebody is everybody's",
        ROLES,
        "return grp.getgrnam(who).gr_gid in groups",
        "return bool(grp.getgrnam(who))",
        (f"{ROLES_TESTS}::test_a_group_is_its_members_of_now",),
    ),
    # -- the socket ("Fail closed" 1)
    Mutant(
        "control: the socket is open until it is closed",
        LISTENING,
        "        os.fchmod(self.socket.fileno(), _CLOSED)",
        "        os.fchmod(self.socket.fileno(), 0o777)",
        (f"{SOCKET_TESTS}::test_at_no_moment_others_can_connect",),
    ),
    Mutant(
        "control: the socket is for everybody",
        LISTENING,
        "SOCKET_MODE: Final = 0o660",
        "SOCKET_MODE: Final = 0o666",
        (f"{SOCKET_TESTS}::test_only_the_group_can_come_in",),
    ),
    Mutant(
        "control: the folder is for everybody",
        LISTENING,
        "FOLDER_MODE: Final = 0o750",
        "FOLDER_MODE: Final = 0o755",
        (f"{SOCKET_TESTS}::test_only_the_group_can_come_in",),
    ),
    Mutant(
        "control: a socket in somebody else's folder",
        LISTENING,
        "if os.fstat(descriptor).st_uid != os.geteuid():",
        "if False:",
        (f"{SOCKET_TESTS}::test_a_folder_of_somebody_else_is_refused",),
    ),
    Mutant(
        "control: a folder of the machine is closed to it",
        LISTENING,
        "    if set(os.listdir(folder)) - {path.name, _unfinished(path)}:",
        "    if False:",
        (f"{SOCKET_TESTS}::test_a_folder_that_is_used_for_more_keeps_its_mode",),
    ),
    Mutant(
        "control: a living daemon is pushed aside",
        LISTENING,
        "    raise DaemonRunning(socket=path)",
        "    return",
        (f"{SOCKET_TESTS}::test_a_living_daemon_is_left_alone",),
    ),
    Mutant(
        "control: whatever lies in its place is replaced",
        LISTENING,
        "if not stat.S_ISSOCK(status.st_mode):",
        "if False:",
        (f"{SOCKET_TESTS}::test_what_is_no_socket_is_left_alone",),
    ),
    Mutant(
        "control: another daemon's socket is taken away",
        LISTENING,
        "if (status.st_dev, status.st_ino) == self._mark:",
        "if True:",
        (f"{SOCKET_TESTS}::test_removing_takes_away_no_other_socket",),
    ),
    # -- what is no request, and what is said of errors ("Fail closed" 8)
    Mutant("control: unknown fields are passed over", REQUESTS, 'extra="forbid"', 'extra="ignore"', INPUT),
    Mutant("control: a text for a number", REQUESTS, "Annotated[float, Strict(),", "Annotated[float,", INPUT),
    Mutant("control: numbers that no ledger can hold", REQUESTS, "Field(ge=_LEAST, le=_MOST)", "Field()", INPUT),
    Mutant("control: NaN is a number", REQUESTS, ", parse_constant=_no_number)", ")", INPUT),
    Mutant("control: the last of two keys counts", REQUESTS, "if len(found) != len(pairs):", "if False:", INPUT),
    Mutant("control: NUL in a text", REQUESTS, 'if "\\0" in value:', "if False:", INPUT),
    Mutant(
        "control: bodies of any size",
        APP,
        "if len(body) > BODY_LIMIT:",
        "if False:",
        (f"{INPUT_TESTS}::test_a_body_has_an_end",),
    ),
    Mutant(
        "control: an unforeseen error is told to whoever asked",
        f"{HERE}/problems.py",
        'return problem("internal", "',
        'return problem("internal", str(error) + "',
        UNFORESEEN,
    ),
    Mutant(
        "control: an operation that exits ends the server",
        f"{HERE}/hands.py",
        "error = _bearable(caught)",
        "error = caught",
        UNFORESEEN,
    ),
    # -- nobody keeps others waiting
    Mutant(
        "control: a request may take for ever",
        PROTOCOL,
        "        elif self._request_due is None:\n",
        "        elif False:\n",
        (f"{LOAD_TESTS}::test_a_trickle_is_no_request",),
    ),
    Mutant(
        "control: a trickle winds the clock up",
        PROTOCOL,
        "        elif self._request_due is None:\n",
        "        elif _stopped(self._request_due) is None:\n",
        (f"{LOAD_TESTS}::test_a_trickle_is_no_request",),
    ),
    Mutant(
        "control: an answer that nobody reads is kept",
        PROTOCOL,
        "        if self._reading_due is None:\n",
        "        if False:\n",
        (f"{LOAD_TESTS}::test_a_client_that_does_not_read_is_cut_off",),
    ),
    Mutant(
        "control: one account takes all connections",
        PROTOCOL,
        " or peers.count(self.peer.uid) > self.limits.of_one",
        "",
        (f"{LOAD_TESTS}::test_one_account_gets_no_more_than_its_share_of_connections",),
    ),
    Mutant(
        "control: one account takes all threads",
        APP,
        "if self._asking[peer.uid] >= OF_ONE:",
        "if False:",
        (f"{LOAD_TESTS}::test_one_account_gets_no_more_than_its_share_of_threads",),
    ),
    Mutant(
        "control: a list that nobody reads stays open",
        f"{HERE}/answers.py",
        "            self._let_go()\n",
        "            pass\n",
        (f"{APP_TESTS}::test_a_client_that_leaves_a_list_ends_it",),
    ),
    # -- the client
    Mutant(
        "control: a list that broke off is complete",
        "syncd/cli/client.py",
        'raise DaemonGone(socket=self.path, detail="the list has no end")',
        "return",
        (f"{CLIENT_TESTS}::test_a_list_that_breaks_off_does_not_look_complete",),
    ),
    Mutant(
        "control: a job that nobody reported on was done",
        "syncd/cli/client.py",
        'raise DaemonGone(socket=self.path, detail="it did not say how the job ended")',
        "return _reply({})",
        (f"{CLIENT_TESTS}::test_watching_ends_with_a_word",),
    ),
    Mutant(
        "control: a door that is closed leads nowhere",
        "syncd/cli/client.py",
        "    if denied is not None:\n",
        "    if False:\n",
        ("tests/unit/test_control_places.py::test_who_may_not_come_in_is_told_what_is_missing",),
    ),
)
