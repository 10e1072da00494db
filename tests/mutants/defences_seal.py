"""Defences of the seals: no part of a key derivation or an AAD is there for nothing, and lengths say little."""

from typing import Final

from mutant import Mutant

CARDS: Final = "syncd/seal/cards.py"
DERIVE: Final = "syncd/seal/derive.py"
IDENTITY: Final = "syncd/seal/identity.py"
POINTS: Final = "syncd/seal/points.py"
WRAPPING: Final = "syncd/seal/wrapping.py"
TESTS: Final = "tests/unit/test_seal.py"
BINDING: Final = (f"{TESTS}::test_a_binding_opens_only_for_its_document_version_class_and_collection",)
DESIGN: Final = (f"{TESTS}::test_the_blobs_of_a_point_are_those_of_the_design",)
TEXT: Final = (f"{TESTS}::test_a_text_opens_only_at_its_point",)
PLAIN: Final = (f"{TESTS}::test_plain_text_that_was_edited_in_the_store_is_forged",)
SEPARATE: Final = (f"{TESTS}::test_every_use_has_a_key_of_its_own",)
KEYRING: Final = (f"{TESTS}::test_a_keyring_comes_back_and_no_key_can_take_the_place_of_another",)
DEK: Final = (f"{TESTS}::test_a_documents_key_opens_for_no_other_document_and_no_other_epoch",)
ROWS: Final = (f"{TESTS}::test_places_names_and_acls_open_only_in_their_row",)
LOCATORS: Final = (f"{TESTS}::test_identities_tell_kinds_apart",)
FP: Final = (f"{TESTS}::test_a_fingerprint_is_keyed_and_bound_to_the_space",)
IDS: Final = (f"{TESTS}::test_a_point_id_is_a_uuid_of_version_8",)

SEAL: Final = (
    # -- the binding of a point to its ACL (security.md, tests 4 and 5)
    Mutant(
        "binding: of any document",
        POINTS,
        "self.collection, epoch, doc, version, token)",
        "self.collection, epoch, version, token)",
        BINDING,
    ),
    Mutant(
        "binding: of any version",
        POINTS,
        "self.collection, epoch, doc, version, token)",
        "self.collection, epoch, doc, token)",
        BINDING,
    ),
    Mutant(
        "binding: of any epoch",
        POINTS,
        "self.collection, epoch, doc, version, token)",
        "self.collection, doc, version, token)",
        DESIGN,
    ),
    Mutant(
        "binding: of any class token",
        POINTS,
        "self.collection, epoch, doc, version, token)",
        "self.collection, epoch, doc, version)",
        DESIGN,
    ),
    Mutant(
        "binding: of any collection",
        POINTS,
        "self.keyring.algorithm, self.collection, epoch",
        "self.keyring.algorithm, epoch",
        DESIGN,
    ),
    Mutant("binding: of any algorithm", POINTS, 'tlv("syncd/acl", self.keyring.algorithm,', 'tlv("syncd/acl",', DESIGN),
    Mutant(
        "binding: what is inside is not compared",
        POINTS,
        "if opened != class_.uid + acl_digest(class_.acl) or token !=",
        "if False and token !=",
        BINDING,
    ),
    Mutant(
        "binding: its length tells the ACL",
        IDENTITY,
        "return hashlib.sha256(acl.canonical()).digest()",
        "return acl.canonical()",
        (f"{TESTS}::test_the_sealed_acl_has_one_length_whatever_the_acl",),
    ),
    # -- the text of a point
    Mutant(
        "text: of any document", POINTS, "self.collection, doc, point, fp, digest)", "self.collection, point, fp, digest)", TEXT
    ),
    Mutant("text: of any point", POINTS, "self.collection, doc, point, fp, digest)", "self.collection, doc, fp, digest)", TEXT),
    Mutant(
        "text: of any fingerprint",
        POINTS,
        "self.collection, doc, point, fp, digest)",
        "self.collection, doc, point, digest)",
        TEXT,
    ),
    Mutant(
        "text: of any collection",
        POINTS,
        "self.keyring.algorithm, self.collection, doc, point",
        "self.keyring.algorithm, doc, point",
        DESIGN,
    ),
    Mutant("text: plain text may be edited in the store", POINTS, "doc, point, fp, digest)", 'doc, point, fp, b"")', PLAIN),
    Mutant(
        "text: anything may stand for plain text",
        POINTS,
        "if plain is not None and not isinstance(plain, str):",
        "if False:",
        PLAIN,
    ),
    Mutant(
        "text: sealed although it is to be omitted",
        POINTS,
        'inside = text if self.mode is TextMode.SEALED else ""',
        "inside = text",
        DESIGN,
    ),
    Mutant(
        "text: not padded",
        POINTS,
        "framed + bytes(-len(framed) % PAD)",
        "framed",
        (f"{TESTS}::test_lengths_of_sealed_texts_come_in_steps",),
    ),
    # -- no key is used for two things
    Mutant(
        "keys: one for every use of a collection",
        DERIVE,
        "tlv(VERSION, use, collection, u32be(epoch.number))",
        "tlv(VERSION, collection, u32be(epoch.number))",
        SEPARATE,
    ),
    Mutant(
        "keys: one for every collection",
        DERIVE,
        "tlv(VERSION, use, collection, u32be(epoch.number))",
        "tlv(VERSION, use, u32be(epoch.number))",
        SEPARATE,
    ),
    Mutant(
        "keys: the epoch is not in the derivation",
        DERIVE,
        "tlv(VERSION, use, collection, u32be(epoch.number))",
        "tlv(VERSION, use, collection)",
        DESIGN,
    ),
    Mutant(
        "keys: a subkey is of any use",
        DERIVE,
        "return expand(key, tlv(VERSION, *context))",
        "return expand(key, tlv(VERSION))",
        SEPARATE,
    ),
    Mutant(
        "keys: one for every use of a document", WRAPPING, 'subkey(dek, "doc", use, doc)', 'subkey(dek, "doc", doc)', SEPARATE
    ),
    Mutant("keys: of no document", WRAPPING, 'subkey(dek, "doc", use, doc)', 'subkey(dek, "doc", use)', SEPARATE),
    Mutant(
        "wrapping: of any role",
        WRAPPING,
        'secret, tlv("syncd/wrap", role, epoch, owner)',
        'secret, tlv("syncd/wrap", epoch, owner)',
        KEYRING,
        (('blob, tlv("syncd/wrap", role, epoch, owner)', 'blob, tlv("syncd/wrap", epoch, owner)'),),
    ),
    Mutant(
        "wrapping: of any epoch",
        WRAPPING,
        'secret, tlv("syncd/wrap", role, epoch, owner)',
        'secret, tlv("syncd/wrap", role, owner)',
        KEYRING,
        (('blob, tlv("syncd/wrap", role, epoch, owner)', 'blob, tlv("syncd/wrap", role, owner)'),),
    ),
    Mutant(
        "wrapping: of any owner",
        WRAPPING,
        'secret, tlv("syncd/wrap", role, epoch, owner)',
        'secret, tlv("syncd/wrap", role, epoch)',
        DEK,
        (('blob, tlv("syncd/wrap", role, epoch, owner)', 'blob, tlv("syncd/wrap", role, epoch)'),),
    ),
    Mutant(
        "wrapping: a retired epoch still opens",
        WRAPPING,
        '        raise Forged(what="document key of an unknown epoch")',
        "        epoch, number = keyring.epochs[0], keyring.epochs[0].number",
        DEK,
    ),
    Mutant(
        "aead: what is too short is decrypted",
        "syncd/seal/aead.py",
        "    if len(blob) < OVERHEAD:\n        raise Forged(what=what)\n",
        "    if len(blob) < OVERHEAD:\n        return b''\n",
        (f"{TESTS}::test_what_was_sealed_opens_only_with_its_key_and_place",),
    ),
    Mutant(
        "aead: the AAD is not authenticated",
        "syncd/seal/aead.py",
        ".encrypt(nonce, plaintext, aad)",
        ".encrypt(nonce, plaintext, None)",
        (f"{TESTS}::test_what_was_sealed_opens_only_with_its_key_and_place",),
        (("blob[NONCE:], aad)", "blob[NONCE:], None)"),),
    ),
    Mutant(
        "aead: one nonce for everything",
        "syncd/sync/install.py",
        "return self.entropy.bytes(NONCE)",
        "return bytes(NONCE)",
        ("tests/acceptance/test_content_under_fault.py::test_nothing_is_sealed_under_a_nonce_twice",),
    ),
    # -- identities
    Mutant(
        "identities: a page and a document of one name are one",
        IDENTITY,
        'Mac(keys.name, ("page", source))',
        'Mac(keys.name, ("document", source))',
        LOCATORS,
    ),
    Mutant(
        "identities: one name in two sources is one",
        IDENTITY,
        'Mac(keys.name, ("document", source))',
        'Mac(keys.name, ("document",))',
        LOCATORS,
    ),
    Mutant("identities: a fingerprint without a key", IDENTITY, "mac(keys.fp, space, text)", 'mac(b"", space, text)', FP),
    Mutant("identities: a fingerprint of any model", IDENTITY, "mac(keys.fp, space, text)", "mac(keys.fp, text)", FP),
    Mutant(
        "identities: one point for every document",
        IDENTITY,
        "mac(keys.pid, doc, fp, occurrence)",
        "mac(keys.pid, fp, occurrence)",
        IDS,
    ),
    Mutant(
        "identities: one point for equal texts of a document",
        IDENTITY,
        "mac(keys.pid, doc, fp, occurrence)",
        "mac(keys.pid, doc, fp)",
        IDS,
    ),
    Mutant(
        "identities: the token tells the ACL",
        IDENTITY,
        '"class", collection), class_uid, acl.canonical())',
        '"class", collection), acl.canonical())',
        DESIGN,
    ),
    # -- rows of the ledger
    Mutant(
        "rows: a vault of any document",
        CARDS,
        'pack_card(card), tlv("syncd/vault", algorithm, doc)',
        'pack_card(card), tlv("syncd/vault", algorithm)',
        (f"{TESTS}::test_a_card_comes_back_whole",),
        (('vault, tlv("syncd/vault", algorithm, doc)', 'vault, tlv("syncd/vault", algorithm)'),),
    ),
    Mutant(
        "rows: a name of any place",
        CARDS,
        'encode_part(key), tlv("syncd/name", algorithm, doc, locator)',
        'encode_part(key), tlv("syncd/name", algorithm, doc)',
        ROWS,
        (('sealed, tlv("syncd/name", algorithm, doc, locator)', 'sealed, tlv("syncd/name", algorithm, doc)'),),
    ),
    Mutant(
        "rows: a page of any prefix",
        CARDS,
        'encode_part(place), tlv("syncd/place", keyring.algorithm, role, locator)',
        'encode_part(place), tlv("syncd/place", keyring.algorithm, role)',
        ROWS,
        (
            (
                'sealed, tlv("syncd/place", keyring.algorithm, role, locator)',
                'sealed, tlv("syncd/place", keyring.algorithm, role)',
            ),
        ),
    ),
    Mutant(
        "rows: a class of any uid",
        CARDS,
        'packed, tlv("syncd/class", keyring.algorithm, uid)',
        'packed, tlv("syncd/class", keyring.algorithm)',
        ROWS,
        (('sealed, tlv("syncd/class", keyring.algorithm, uid)', 'sealed, tlv("syncd/class", keyring.algorithm)'),),
    ),
)
