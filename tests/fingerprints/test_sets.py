"""Every file of a comparison is read once, and of files of the same bytes one is decoded."""

from __future__ import annotations

import pickle
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from pictures import picture, write

from freqforensics.evaluation.confounds import serious_confounds
from freqforensics.fingerprints import sets as sets_module
from freqforensics.fingerprints.sets import image_sets
from freqforensics.sources import facts as facts_module
from freqforensics.sources.sources import index_sources
from freqforensics.spectra import MeanSpectrum, combine, terms as terms_module
from freqforensics.spectra.terms import ImageTerm, image_terms


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """Two generators with the same photographs beside them, a copy, a damaged file and a small one."""
    root, rng = tmp_path_factory.mktemp("sets"), np.random.default_rng(0)
    photographs = [picture(rng, 64, 64) for _ in range(22)]
    for name, step in (("two", 2), ("four", 4)):
        for index, photograph in enumerate(photographs):
            write(root / name / "0_real" / f"{index}.png", photograph)
            image = photograph.astype(np.int16)
            image[::step, ::step] += 12
            write(root / name / "1_fake" / f"{index}.png", np.clip(image, 0, 255).astype(np.uint8))
    fakes = root / "two" / "1_fake"
    (fakes / "copy.png").write_bytes((fakes / "7.png").read_bytes())
    (fakes / "cut.png").write_bytes((fakes / "7.png").read_bytes()[:500])
    write(fakes / "small.png", picture(rng, 40, 40))
    return root


def count_files(monkeypatch) -> tuple[Counter[Path], Counter[bytes]]:
    """How often each file is read, and each content decoded, from now on."""
    reads: Counter[Path] = Counter()
    decodes: Counter[bytes] = Counter()
    read_file, decode_image = terms_module.read_file, terms_module.decode_image

    def counted_read(path, **options):
        reads[Path(path)] += 1
        return read_file(path, **options)

    def counted_decode(data, **options):
        decodes[data] += 1
        return decode_image(data, **options)

    for module in (terms_module, facts_module, sets_module):
        monkeypatch.setattr(module, "read_file", counted_read)
    for module in (terms_module, facts_module):
        monkeypatch.setattr(module, "decode_image", counted_decode)
    return reads, decodes


def test_files_are_read_and_decoded_once(tree, monkeypatch):
    records = index_sources([tree])
    before = serious_confounds(records)
    reads, decodes = count_files(monkeypatch)
    collection = image_sets(records, workers=1)
    assert serious_confounds(records, facts=collection.facts) == before
    assert reads == Counter(record.path for record in records)
    # 22 fakes each, 22 photographs for both, the cut one and the small one.
    assert set(decodes.values()) == {1}
    assert len(decodes) == 22 + 22 + 22 + 2
    assert [(Path(path).name, bool(reason)) for path, reason in collection.skipped] == [("cut.png", True)]
    notes = "\n".join(collection.notes)
    assert "two: 1 files are copies of others, equal to the byte" in notes
    assert "two: 1 images are smaller than 64x64 pixels" in notes
    assert "sets have the same real images beside them" in notes


def test_what_was_decoded_for_another_set_gives_the_same_spectrum(tree):
    collection = image_sets(index_sources([tree]))
    for image_set in collection.sets:
        name = image_set.fingerprint.name
        paths = sorted(tree.joinpath(name, "0_real").glob("*.png"), key=str)
        spectra = [term.spectrum for term in image_terms(paths, spec=image_set.fingerprint.fake[0].spec)]
        whole, together = combine(spectra), combine(image_set.fingerprint.real)
        assert together.images == whole.images == 22
        assert together.inputs_sha256 == whole.inputs_sha256
        np.testing.assert_allclose(together.sums.f, whole.sums.f)


def test_a_set_that_is_left_out_is_read_once_too(tree, tmp_path, monkeypatch):
    for index in range(3):
        for side in ("0_real", "1_fake"):
            write(tmp_path / "few" / side / f"{index}.png", picture(np.random.default_rng(index), 64, 64))
    records = index_sources([tree, tmp_path])
    reads, _ = count_files(monkeypatch)
    collection = image_sets(records, workers=1)
    serious_confounds(records, facts=collection.facts)
    assert [one.fingerprint.name for one in collection.sets] == ["four", "two"]
    assert any(note.startswith("few: fewer than 20 images") for note in collection.notes)
    assert set(reads.values()) == {1}


def test_known_terms_stay_in_their_process():
    known = terms_module._Known({("0", ".png"): ImageTerm(MeanSpectrum.__new__(MeanSpectrum), 0)})
    assert pickle.loads(pickle.dumps(known)) == {}
    assert len(known) == 1
