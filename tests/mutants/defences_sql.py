"""Defences of tables as sources: who may read, one snapshot, nothing written or told, no error that looks like a deletion."""

from typing import Final

from mutant import Mutant

HERE: Final = "syncd/adapters/sources/sql"
READERS: Final = "syncd/adapters/sources/readers.py"
CONFIG_TESTS: Final = "tests/unit/test_config_sources.py"
DETAIL_TESTS: Final = "tests/unit/test_sql_source.py"
MAIN_TESTS: Final = "tests/acceptance/test_sql_main_job.py"
PAGE_TESTS: Final = "tests/acceptance/test_docs_sources.py"
READER_TESTS: Final = "tests/property/test_sql_readers.py"

SQL: Final = (
    # -- who may read
    Mutant(
        "sql: what is not understood names nobody, and the rest holds",
        READERS,
        "        return self._who(PrincipalKind(kind), id_)\n",
        "        return self._who(PrincipalKind(kind or 'user'), id_ or 'nobody')\n",
        (f"{READER_TESTS}::test_one_name_that_is_not_understood_hides_the_row",),
        (
            ("            if not all(_PLAIN.fullmatch(name) for name in value):\n", "            if False:\n"),
            (
                "if not colon or kind not in {PrincipalKind.USER, PrincipalKind.GROUP}:",
                "if colon and kind not in {'user', 'group'}:",
            ),
        ),
    ),
    Mutant(
        "sql: a name that nobody knows is left out",
        READERS,
        "        if found is None:\n            raise Unclear\n        return found\n",
        "        if found is None:\n            return Principal(kind, self._realm, str(name))\n        return found\n",
        (f"{READER_TESTS}::test_a_name_that_nobody_knows_hides_the_row",),
    ),
    Mutant(
        "sql: NULL is a list of nobody",
        READERS,
        "    if not isinstance(value, list) or len(value)",
        "    value = [] if value is None else value\n    if not isinstance(value, list) or len(value)",
        (f"{DETAIL_TESTS}::test_lists_of_the_database_are_lists",),
    ),
    Mutant(
        "sql: everyone comes in without being allowed",
        READERS,
        "named if self._allow_everyone else named.without_everyone()",
        "named",
        (f"{READER_TESTS}::test_everyone_is_let_in_by_the_configuration_alone",),
    ),
    Mutant(
        "sql: equal values are remembered as one",
        READERS,
        'raw = repr((values, granted))  # what it is equal to decides as what it is: 1, "1" and True are three things',
        "raw = (tuple(values), tuple(granted or ()))",
        (f"{READER_TESTS}::test_one_and_true_are_two_things",),
    ),
    Mutant(
        "sql: rules come last",
        READERS,
        "            if globs.match(key):\n                return ruled\n",
        "            if globs.match(key) and not self._columns:\n                return ruled\n",
        (f"{READER_TESTS}::test_rules_go_first_and_silence_permits_nobody",),
    ),
    Mutant(
        "sql: where nothing speaks of a row nobody is named",
        READERS,
        "            return UNCLEAR\n        raw",
        "            pass\n        raw",
        (f"{READER_TESTS}::test_rules_go_first_and_silence_permits_nobody",),
    ),
    Mutant(
        "sql: the first of two rows of one key counts",
        f"{HERE}/rows.py",
        "        if fact.key in found:\n",
        "        if False:\n",
        (f"{DETAIL_TESTS}::test_two_rows_of_one_key",),
    ),
    Mutant(
        "sql: an unknown ACL has a stamp",
        f"{HERE}/rows.py",
        "if fact.ruling.acl is None or fact.racy:",
        "if fact.racy:",
        (f"{DETAIL_TESTS}::test_lists_of_the_database_are_lists",),
    ),
    Mutant(
        "sql: a stamp knows no ACL",
        f"{HERE}/rows.py",
        "key, fact.told, fact.ruling.digest))",
        'key, fact.told, b""))',
        (f"{MAIN_TESTS}::test_another_acl_embeds_nothing",),
    ),
    Mutant(
        "sql: a fetch looks at the version alone",
        f"{HERE}/source.py",
        "        if (now.version, now.acl) != (seen.version, seen.acl):\n",
        "        if now.version != seen.version:\n",
        (f"{DETAIL_TESTS}::test_a_fetch_under_another_acl_brings_nothing",),
    ),
    Mutant(
        "sources: an account here is somebody in every realm",
        "syncd/wiring/sources.py",
        "    folders = (source.realm for source in sources if isinstance(source, FilesystemConfig))\n",
        "    folders = (source.realm for source in sources)\n",
        (f"{CONFIG_TESTS}::test_a_realm_is_this_machines_only_where_it_is",),
    ),
    # -- nothing is lost, nothing is taken for gone
    Mutant(
        "sql: each statement has a snapshot of its own",
        f"{HERE}/dialects.py",
        '            isolation_level="REPEATABLE READ",\n',
        '            isolation_level="READ COMMITTED",\n',
        (f"{DETAIL_TESTS}::test_documents_and_grants_are_of_one_moment",),
    ),
    Mutant(
        "sql: an error of the data is a row that is not there",
        f"{HERE}/source.py",
        "            found = list(self._sweeper.look(able, texts=texts))\n",
        "            found = []\n",
        (f"{DETAIL_TESTS}::test_a_row_that_can_not_be_read_is_not_gone",),
    ),
    Mutant(
        "sql: a young version is believed",
        f"{HERE}/rows.py",
        "changed > seen_at - RACY_S, changed if",
        "False, changed if",
        (f"{DETAIL_TESTS}::test_a_young_version_proves_nothing",),
    ),
    Mutant(
        "sql: NULL is a version",
        f"{HERE}/rows.py",
        "_told(version), ruling, version is None, 0.0, line)",
        "_told(version), ruling, False, 0.0, line)",
        (f"{DETAIL_TESTS}::test_a_young_version_proves_nothing",),
    ),
    Mutant(
        "sql: parts of a key are joined as they are",
        f"{HERE}/keys.py",
        '"/".join(map(_escaped, known))',
        '"/".join(known)',
        (f"{READER_TESTS}::test_a_key_is_read_back",),
    ),
    Mutant(
        "sql: where not all keys are kept the others are not looked for",
        f"{HERE}/sweep.py",
        "            if self._kept is None or not self._known[0] <= place < self._known[1]:\n",
        "            if self._kept is None:\n",
        (f"{DETAIL_TESTS}::test_more_keys_than_are_kept",),
    ),
    Mutant(
        "sql: a file that was replaced is still read",
        f"{HERE}/dialects.py",
        "                raise DisconnectionError\n",
        "                pass\n",
        (f"{DETAIL_TESTS}::test_another_file_in_its_place_is_the_one_that_is_read",),
    ),
    Mutant(
        "sql: a lost connection is no fault",
        f"{HERE}/listening.py",
        "            self.fault = LOST if",
        "            _ = LOST if",
        (f"{DETAIL_TESTS}::test_a_connection_that_is_lost_is_a_fault",),
        (("listener.fault or (None if listener.alive else DEAD)", "listener.fault"),),
    ),
    Mutant(
        "hints: a page is the folder of a key, whatever the source says",
        "syncd/core/hints.py",
        "self._mark(What.PAGE, self._page_of(name)",
        "self._mark(What.PAGE, page_of(name)",
        ("tests/unit/test_hints.py::test_keys_collapse_to_the_page_that_their_source_has_them_on",),
    ),
    # -- nothing written, nothing told
    Mutant(
        "sql: PostgreSQL may be written to",
        f"{HERE}/dialects.py",
        '            execution_options={"postgresql_readonly": True},\n',
        "",
        (f"{DETAIL_TESTS}::test_values_are_bound_and_nothing_is_written",),
        (('            "SET default_transaction_read_only = on",\n', ""),),
    ),
    Mutant(
        "sql: an SQLite file may be written to",
        f"{HERE}/dialects.py",
        "?mode=ro",
        "?mode=rwc",
        (f"{DETAIL_TESTS}::test_an_sqlite_file_is_never_written_or_made",),
        (('("query_only = ON", "trusted', '("trusted'),),
    ),
    Mutant(
        "sql: an error says what the database said",
        f"{HERE}/database.py",
        "raise self.unavailable(_said(error)) from None",
        "raise self.unavailable(str(error)) from error",
        (f"{DETAIL_TESTS}::test_errors_tell_no_data",),
    ),
    Mutant(
        "sql: a huge text is fetched to be refused",
        f"{HERE}/dialects.py",
        "    return case((size <= literal(max_bytes), text), else_=null())\n",
        "    return text\n",
        (f"{DETAIL_TESTS}::test_a_large_text_is_never_fetched",),
    ),
    Mutant(
        "config: an address may have a password",
        "syncd/config/sql.py",
        "    if parts.password is not None or given & _SECRETS:\n",
        "    if False:\n",
        (f"{CONFIG_TESTS}::test_a_password_in_an_address_is_refused_and_not_repeated",),
    ),
    Mutant(
        "config: settings of other packages are not checked",
        "syncd/config/foreign.py",
        "self._made_by.settings.model_validate(self.model_extra or {}, context=info.context)",
        "self._made_by.settings.model_construct(**(self.model_extra or {}))",
        (f"{PAGE_TESTS}::test_its_settings_are_checked_by_its_model",),
    ),
    Mutant(
        "sql: how a text is to be read is no part of its version",
        f"{HERE}/rows.py",
        "tlv(self._layout, fact.told)",
        "tlv(fact.told)",
        (f"{MAIN_TESTS}::test_another_reading_of_the_same_column_cuts_it_anew",),
    ),
)
