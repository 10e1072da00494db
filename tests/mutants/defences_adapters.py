"""Defences of keys, ledger, embedders and extractor."""

from typing import Final

from mutant import Mutant

DECODING: Final = "syncd/adapters/extract/decoding.py"
ENGINE: Final = "syncd/adapters/ledger/engine.py"
KEYS: Final = "syncd/adapters/keys/files.py"
LEDGER: Final = "syncd/adapters/ledger/ledger.py"
MIGRATE: Final = "syncd/adapters/ledger/migrate.py"
MODEL: Final = "syncd/adapters/embed/model_files.py"
RUNNER: Final = "syncd/adapters/embed/runner.py"
TRIGGERS: Final = "syncd/adapters/ledger/migrations/versions/v0001_first.py"
EMBED_TESTS: Final = "tests/unit/test_embed_sentence_transformer.py"
EXTRACT_TESTS: Final = "tests/unit/test_extract.py"
FILE_TESTS: Final = "tests/unit/test_ledger_file.py"
KEY_TESTS: Final = "tests/unit/test_key_files.py"
LEDGER_TESTS: Final = "tests/contract/test_ledger.py"
APPEND_ONLY: Final = ("tests/unit/test_ledger_schema.py::test_the_audit_log_is_append_only",)
CONNECTION: Final = (f"{FILE_TESTS}::test_the_connection_is_durable_and_forgets",)
BINARY: Final = (f"{EXTRACT_TESTS}::test_what_is_not_text_is_refused",)
UNSAFE: Final = ("tests/unit/test_embed_model_files.py::test_an_unsafe_or_broken_model_is_refused_before_it_is_loaded",)

ADAPTERS: Final = (
    # -- keys (security.md, "Fail closed" 1)
    Mutant(
        "keys: any mode",
        KEYS,
        "if mode & 0o177 and not (mode == 0o440 and _is_credential(path)):",
        "if False:",
        (f"{KEY_TESTS}::test_a_mode_that_lets_others_in_is_refused",),
    ),
    Mutant(
        "keys: anybody's",
        KEYS,
        "if facts.st_uid not in (0, os.geteuid()):",
        "if False:",
        (f"{KEY_TESTS}::test_a_file_of_another_account_is_refused",),
    ),
    Mutant(
        "keys: through a link",
        KEYS,
        "os.O_RDONLY | os.O_NOFOLLOW",
        "os.O_RDONLY",
        (f"{KEY_TESTS}::test_a_link_or_a_folder_in_the_place_of_a_key_is_refused",),
    ),
    Mutant(
        "keys: of any length",
        KEYS,
        "if len(data) != SECRET:",
        "if False:",
        (f"{KEY_TESTS}::test_a_key_that_is_missing_or_cut_is_missing",),
    ),
    Mutant(
        "keys: made for everybody", KEYS, "os.O_EXCL, 0o400)", "os.O_EXCL, 0o444)", (f"{KEY_TESTS}::test_no_secret_lies_open",)
    ),
    Mutant(
        "keys: overwritten",
        KEYS,
        "os.O_CREAT | os.O_EXCL",
        "os.O_CREAT | os.O_TRUNC",
        (f"{KEY_TESTS}::test_existing_keys_are_never_overwritten",),
    ),
    Mutant(
        "keys: a wrong KEK is a missing file",
        KEYS,
        "raise KeyWrong(file=self._kek, keyring=self._keyring) from error",
        "raise KeyMissing(file=self._kek) from error",
        (f"{KEY_TESTS}::test_a_wrong_kek_opens_nothing",),
    ),
    # -- the ledger
    Mutant(
        "ledger: history can be edited",
        TRIGGERS,
        'op.execute(f"CREATE TRIGGER {table}_update',
        'str(f"CREATE TRIGGER {table}_update',
        APPEND_ONLY,
    ),
    Mutant(
        "ledger: history can be deleted",
        TRIGGERS,
        'op.execute(f"CREATE TRIGGER {table}_delete',
        'str(f"CREATE TRIGGER {table}_delete',
        APPEND_ONLY,
    ),
    Mutant(
        "ledger: history can be replaced", TRIGGERS, "WHEN EXISTS (SELECT 1 FROM {table} WHERE {same})", "WHEN 0", APPEND_ONLY
    ),
    Mutant(
        "ledger: a snapshot that moves",
        ENGINE,
        '"ro", (*COMMON, *READER), begin=("BEGIN", "SELECT 1 FROM meta LIMIT 1")',
        '"ro", (*COMMON, *READER), begin=()',
        (f"{LEDGER_TESTS}::test_a_snapshot_stays_as_it_was",),
    ),
    Mutant(
        "ledger: a snapshot of whenever it is first read",
        ENGINE,
        'begin=("BEGIN", "SELECT 1 FROM meta LIMIT 1")',
        'begin=("BEGIN",)',
        (f"{LEDGER_TESTS}::test_a_snapshot_stays_as_it_was",),
    ),
    Mutant(
        "ledger: readers that write",
        ENGINE,
        '_engine(path, "ro", (*COMMON, *READER)',
        '_engine(path, "rw", COMMON',
        (f"{FILE_TESTS}::test_a_reader_s_connection_changes_nothing",),
    ),
    Mutant(
        "ledger: two writers",
        "syncd/adapters/ledger/lock.py",
        "fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)",
        "fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)",
        ("tests/crash/test_ledger_processes.py::test_one_writer_many_readers",),
    ),
    Mutant(
        "ledger: two transactions at once",
        LEDGER,
        'raise RuntimeError("a write transaction of this ledger is open already")',
        "pass",
        (f"{LEDGER_TESTS}::test_one_write_at_a_time",),
    ),
    Mutant(
        "ledger: a failed transaction is kept",
        LEDGER,
        "                yield tx\n                tx.flush()\n",
        "                try:\n                    yield tx\n"
        "                finally:\n                    tx.flush()\n                    connection.commit()\n",
        (f"{LEDGER_TESTS}::test_an_exception_rolls_all_of_it_back",),
    ),
    Mutant(
        "ledger: a commit that a power cut takes back",
        ENGINE,
        '    "PRAGMA synchronous = FULL",\n',
        '    "PRAGMA synchronous = OFF",\n',
        CONNECTION,
    ),
    Mutant(
        "ledger: what was deleted is still in the file",
        ENGINE,
        '    "PRAGMA secure_delete = ON",\n',
        '    "PRAGMA secure_delete = OFF",\n',
        CONNECTION,
    ),
    Mutant(
        "ledger: open to other accounts",
        LEDGER,
        "migrate.make_private(path)",
        "pass",
        (f"{FILE_TESTS}::test_files_are_private",),
    ),
    Mutant(
        "ledger: a newer schema is used",
        MIGRATE,
        "if found[0] not in REVISIONS:",
        "if False:",
        (f"{FILE_TESTS}::test_a_newer_schema_is_refused",),
    ),
    Mutant(
        "ledger: a damaged file is used",
        MIGRATE,
        'if verdict != "ok":',
        "if False:",
        (f"{FILE_TESTS}::test_damage_is_named_and_left_alone",),
    ),
    Mutant(
        "ledger: the log of a lost ledger is replayed into a new one",
        MIGRATE,
        'if path.with_name(path.name + "-wal").exists():',
        "if False:",
        (f"{FILE_TESTS}::test_a_lost_file_with_its_log_still_there",),
    ),
    Mutant(
        "ledger: a class changes its ACL",
        "syncd/adapters/ledger/tx.py",
        ', ACL_CLASS.c.key == bindparam("of"), ACL_CLASS.c.uid == bindparam("known")',
        "",
        (f"{LEDGER_TESTS}::test_classes",),
        ((', "of": row.key, "known": row.uid}', "}"),),
    ),
    # -- the embedder: a bad text costs itself only, and nothing of a model is run
    Mutant(
        "embed: vectors that are no numbers",
        RUNNER,
        "good = np.isfinite(lengths) & (lengths > 0)",
        "good = lengths == lengths",
        (f"{EMBED_TESTS}::test_a_vector_that_is_no_number_is_refused",),
    ),
    Mutant(
        "embed: a batch falls with one text",
        RUNNER,
        "                half = len(batch) // 2\n                queue.extendleft((batch[half:], batch[:half]))\n",
        "                refused.update(dict.fromkeys(batch, output.refusal))\n",
        (f"{EMBED_TESTS}::test_a_text_that_breaks_its_batch_is_refused_alone",),
    ),
    Mutant(
        "embed: out of memory is the text's fault",
        RUNNER,
        "            elif output.memory:\n",
        "            elif False:\n",
        (f"{EMBED_TESTS}::test_out_of_memory_costs_nothing_but_time",),
    ),
    Mutant(
        "embed: a fault of ours is the text's",
        RUNNER,
        "LookupError, MemoryError, RuntimeError, TypeError, ValueError)",
        "Exception)",
        (f"{EMBED_TESTS}::test_a_fault_of_ours_is_not_blamed_on_a_text",),
    ),
    Mutant("model: pickles are opened", MODEL, "if not any(folder.glob(_WEIGHTS)) and", "if False and", UNSAFE),
    Mutant("model: its code is run", MODEL, 'if not kind.startswith("sentence_transformers."):', "if False:", UNSAFE),
    Mutant(
        "model: files from outside",
        MODEL,
        'if PurePosixPath(path).is_absolute() or ".." in PurePosixPath(path).parts:',
        "if False:",
        UNSAFE,
    ),
    Mutant(
        "model: exchanged weights",
        MODEL,
        "if files.digests.get(name) != pinned:",
        "if False:",
        ("tests/unit/test_embed_model_files.py::test_a_package_whose_files_were_exchanged_is_refused",),
    ),
    # -- the extractor
    Mutant(
        "extract: binary files by their name", "syncd/adapters/extract/text.py", "if kind is Kind.BINARY:", "if False:", BINARY
    ),
    Mutant("extract: binary files by their signature", DECODING, "if data.startswith(_SIGNATURES):", "if False:", BINARY),
    Mutant("extract: bytes of zero", DECODING, 'if b"\\x00" in data:', "if False:", BINARY),
    Mutant("extract: what is no UTF-8 is guessed at", DECODING, '.decode("utf-8")', '.decode("latin-1")', BINARY),
)
