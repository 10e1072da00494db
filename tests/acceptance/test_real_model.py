"""The main job with the real model: what is asked for is found, and a living index equals one built from nothing."""

import numpy as np
import pytest
from kit import Site, make_site

TEXTS = {
    "cooking/soup.md": "# Soup\n\nSimmer the onions in butter, add stock and cream, and season with nutmeg.\n",
    "garden/roses.md": "# Roses\n\nPrune the bushes in early spring, above a bud that looks outwards.\n",
    "it/backup.md": "# Backups\n\nThe database is copied every night to a second site and restored as a test each month.\n",
    "law/contracts.md": "# Contracts\n\nEither party may end the agreement with three months' notice in writing.\n",
    "sport/rowing.md": "# Rowing\n\nKeep the oar just below the surface and push with the legs before the back opens.\n",
}
QUESTIONS = {
    "how do I cut my flower shrubs": "garden/roses.md",
    "are our data safe if the server room burns": "it/backup.md",
    "terminating a deal": "law/contracts.md",
    "a warm starter for dinner": "cooking/soup.md",
}


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Site:
    """Five documents about five things, embedded by the packaged model."""
    place = tmp_path_factory.mktemp("real")
    site = make_site(place / "docs", place / "state", backend="sentence-transformers")
    for key, text in TEXTS.items():
        site.write(key, text)
    assert site.sync().report.chunks.embedded == len(TEXTS)
    return site


def test_questions_find_what_they_mean(site):
    """No word of a question stands in its answer; the meaning does."""
    with site.open() as wiring:
        retriever = wiring.retriever(site.collection(wiring))
        found = {question: retriever.search(question, wiring.caller(), 1).hits[0].key for question in QUESTIONS}
    assert found == QUESTIONS


def test_a_living_index_equals_one_built_from_nothing(site):
    """Law 2 with a real model: after edits and moves the same keys, spans, texts and readers, and vectors at cosine >= 0.9999."""
    site.write("garden/roses.md", TEXTS["garden/roses.md"] + "\n## Pests\n\nGreenfly are washed off with soapy water.\n")
    (site.docs / "it").rename(site.docs / "computers")
    (site.docs / "sport/rowing.md").unlink()
    site.sync()
    fresh = make_site(site.docs, site.state.with_name("fresh"), backend="sentence-transformers")
    fresh.sync()
    lived, built = site.dump(), fresh.dump()
    assert [(c.key, c.span, c.text_sha256, c.readers) for c in lived] == [
        (c.key, c.span, c.text_sha256, c.readers) for c in built
    ]
    for mine, theirs in zip(lived, built, strict=True):
        cosine = np.frombuffer(mine.vector, dtype="<f4") @ np.frombuffer(theirs.vector, dtype="<f4")
        assert cosine >= 0.9999


def test_another_space_is_refused(site):
    """Vectors of two models never meet in one collection: exit 78, naming what to do, and nothing is changed."""
    before = site.points()
    site.change('backend = "sentence-transformers"', 'backend = "hash"')
    try:
        done = site.cli("sync", check=78)
        assert "not comparable" in done.stderr
        assert "syncd reindex --new-space" in done.stderr
    finally:
        site.change('backend = "hash"', 'backend = "sentence-transformers"')
    assert site.points() == before
