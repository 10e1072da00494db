"""Signed notes and checkpoints: the published examples, and strictness."""

import base64

import pytest

from syncd.audit.note import Checkpoint, Signer, Verifier, note_text

# The example of the note format's authors; the private key is published with it.
PETER = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
PETER_SEED = base64.b64decode("AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz")[1:]
TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
NOTE = TEXT + "\n— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
CHECKPOINT = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
SIGNER = Signer("log.test/a", b"a" * 32)
OTHER = Signer("log.test/b", b"b" * 32)


def line_of(signer, text):
    """The signature line of `signer` on `text`."""
    return signer.sign(text).rpartition("\n\n")[2]


def test_the_published_note_opens_and_comes_out():
    """The specification's example verifies by its key, and signing its text with its private key gives it again."""
    assert Verifier.parse(PETER).open(NOTE) == TEXT
    assert Signer("PeterNeumann", PETER_SEED).sign(TEXT) == NOTE


def test_the_verifier_key_is_the_published_one():
    """Name, key id and key are spelled as published, and read back."""
    verifier = Signer("PeterNeumann", PETER_SEED).verifier
    assert (str(verifier), verifier.key_id.hex(), Verifier.parse(PETER)) == (PETER, "c74f20a3", verifier)


def test_the_published_checkpoint_reads_and_spells():
    """The example of the checkpoint specification is read and spelled as published; extension lines are kept."""
    checkpoint = Checkpoint.parse(CHECKPOINT)
    assert (checkpoint.origin, checkpoint.size, len(checkpoint.root)) == ("example.com/behind-the-sofa", 20852163, 32)
    assert checkpoint.text == CHECKPOINT
    assert Checkpoint.parse(CHECKPOINT + "more\n").text == CHECKPOINT + "more\n"
    assert Checkpoint.parse(CHECKPOINT + "more\n") != checkpoint


def test_a_seed_is_never_shown():
    """The private half does not appear in a representation, so in no traceback."""
    assert "aaaa" not in repr(SIGNER)


@pytest.mark.parametrize("place", range(0, len(TEXT) - 1, 7))
def test_a_changed_text_does_not_open(place):
    """Any other letter anywhere and the note is refused."""
    changed = TEXT[:place] + ("x" if TEXT[place] != "x" else "y") + TEXT[place + 1 :]
    with pytest.raises(ValueError, match="not by the pinned key"):
        Verifier.parse(PETER).open(changed + NOTE.removeprefix(TEXT))


def test_only_the_pinned_key_counts():
    """Another key's note is refused, also where it shares the name; of several signatures the known one is enough."""
    text = "text\n"
    with pytest.raises(ValueError, match="not signed by"):
        SIGNER.verifier.open(OTHER.sign(text))
    with pytest.raises(ValueError, match="not signed by"):
        SIGNER.verifier.open(Signer(SIGNER.name, OTHER.seed).sign(text))
    both = OTHER.sign(text) + line_of(SIGNER, text)
    assert SIGNER.verifier.open(both) == OTHER.verifier.open(both) == text


def test_one_bad_signature_of_the_pinned_key_spoils_a_note():
    """A note with a good and a bad signature of the known key is refused."""
    with pytest.raises(ValueError, match="not by the pinned key"):
        SIGNER.verifier.open(SIGNER.sign("text\n") + line_of(SIGNER, "other\n"))


def test_the_text_may_hold_empty_lines():
    """The last empty line ends the text, earlier ones belong to it."""
    text = "a\n\n— looks like a signature\n\nb\n"
    assert SIGNER.verifier.open(SIGNER.sign(text)) == text


@pytest.mark.parametrize("text", ["", "no newline", "a\n\n— x AAAAAAAA", "tab\t\n", "nul\x00\n", "return\r\n", "\ud800\n"])
def test_a_text_that_no_note_can_hold_is_not_signed(text):
    """Signing refuses what reading would refuse, or read as another text."""
    with pytest.raises(ValueError):
        SIGNER.sign(text)


GOOD_LINE = line_of(SIGNER, "text\n")


@pytest.mark.parametrize(
    "note",
    [
        "",
        "text\n",
        "text\n\n",
        "text\n" + GOOD_LINE,
        "text\n\n" + GOOD_LINE.removesuffix("\n"),
        "text\n\n" + GOOD_LINE + "\n",
        "text\n\n" + GOOD_LINE + "not a signature\n",
        "text\n\n" + GOOD_LINE.replace("— ", "- "),
        "text\n\n" + GOOD_LINE.replace("— ", "—"),
        "text\n\n" + GOOD_LINE.replace(" log", "  log"),
        "text\n\n" + GOOD_LINE.replace("log.test", "log+test"),
        "text\n\n" + GOOD_LINE.replace("log.test", "log\u00a0test"),
        "text\n\n" + GOOD_LINE.replace("=", ""),
        "text\n\n— log.test/a AAAAAB==\n",
        "text\n\n— log.test/a AAAAAA==\n",
        "text\r\n\n" + GOOD_LINE,
        "te\x1bxt\n\n" + GOOD_LINE,
        "te\udc80xt\n\n" + GOOD_LINE,
        "text\n\n" + GOOD_LINE * 101,
    ],
)
def test_a_note_that_is_not_well_formed_is_refused(note):
    """Every departure from the format is refused, whoever signed."""
    for read in (note_text, SIGNER.verifier.open):
        with pytest.raises(ValueError):
            read(note)


def test_a_hundred_signatures_are_read():
    """The limit on signature lines is above what witnesses need."""
    assert SIGNER.verifier.open("text\n\n" + GOOD_LINE * 100) == "text\n"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "PeterNeumann",
        "PeterNeumann+c74f20a3",
        PETER.replace("c74f20a3", "c74f20a4"),
        PETER.replace("c74f20a3", "C74F20A3"),
        PETER.replace("Neumann", "Newman"),
        PETER.replace("ARpc", "AhpC"),
        PETER[:-4],
        PETER + "\n",
        PETER[:-1] + "X",
        "+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
    ],
)
def test_a_verifier_key_that_is_not_well_formed_is_refused(text):
    """A mistyped pin is refused, never taken for another key."""
    with pytest.raises(ValueError):
        Verifier.parse(text)


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\nb", "a\u2003b", " a", "a\x1b"])
def test_a_key_name_that_no_note_can_hold_is_refused(name):
    """A name with spaces, plus or control characters would break signature lines."""
    with pytest.raises(ValueError, match="key name"):
        Verifier(name, b"p" * 32)


ROOT_LINE = CHECKPOINT.split("\n")[2]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "origin\n1\n",
        f"origin\n1\n{ROOT_LINE}",
        f"\n1\n{ROOT_LINE}\n",
        f"origin\n01\n{ROOT_LINE}\n",
        f"origin\n+1\n{ROOT_LINE}\n",
        f"origin\n-1\n{ROOT_LINE}\n",
        f"origin\n１\n{ROOT_LINE}\n",
        f"origin\n1 \n{ROOT_LINE}\n",
        f"origin\n1\n{ROOT_LINE}\n\n",
        f"origin\n1\n{ROOT_LINE}\n\nmore\n",
        "origin\n1\nAAAA\n",
        f"origin\n1\n{ROOT_LINE[:-1]}\n",
        f"origin\n1\n{ROOT_LINE[:-2]}J=\n",
    ],
)
def test_a_checkpoint_that_is_not_well_formed_is_refused(text):
    """A size or root in any other spelling than its only one is refused."""
    with pytest.raises(ValueError):
        Checkpoint.parse(text)
