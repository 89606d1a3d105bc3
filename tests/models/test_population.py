"""What is known of wearers in general: its moments, what follows of one of them, and the files it is kept in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.adaptation import State
from models.covariances import Covariances, covariances, flattened, whitening_of
from models.ensemble import save_ensemble
from models.evidence import arrangement, arrangements, astray, by_gesture, strange, swapped, unlikeness
from models.listing import read_listing
from models.population import Classes, Population, distances, inverse
from models.wearer import CARD, NUMBERS, Wearers, load_state, read_wearers, save_state, write_wearers
from tests.models.people import LABELS, People
from train.population import Told, moments


@pytest.fixture(scope="module")
def people() -> People:
    return People()


@pytest.fixture(scope="module")
def known(people: People) -> Population:
    return people.population()


def shown(known: Population, people: People, person: int, times: int) -> tuple[np.ndarray, np.ndarray]:
    some = people.repetitions(person, times)
    labels = np.array([LABELS.index(one.gesture) for one in some])
    means = by_gesture(np.stack([known.features(one.windows).mean(0) for one in some]), labels, len(LABELS))
    return means, np.full(len(LABELS), float(times))


def right(known: Population, people: People, person: int, means: np.ndarray) -> float:
    classes = Classes.of(means, inverse(known.within))
    hits = [
        classes.logits(known.features(people.windows(person, gesture, turn))).argmax(1) == gesture
        for gesture in range(len(LABELS))
        for turn in range(20, 24)
    ]
    return float(np.mean(hits))


def test_features_are_the_logarithm_of_whitened_covariances(people: People) -> None:
    windows = people.windows(0, 0, 0)
    mean = covariances(windows, 1).mean(0)
    features = Covariances(whitening_of(mean), 1)(windows)
    size = len(mean)
    assert features.shape == (len(windows), size * (size + 1) // 2)
    # A window whose covariance is the mean lies at the origin, one of e times that at the identity.
    values, vectors = np.linalg.eigh(mean)
    rows = np.sqrt(size) * (vectors * np.sqrt(values)).T
    whiten = Covariances(whitening_of(rows.T @ rows / size), 0)
    both = np.stack([rows, rows * np.exp(0.5)]).astype(np.float32)
    expected = np.stack([np.zeros((size, size)), np.eye(size)])
    np.testing.assert_allclose(whiten(both), flattened(expected), atol=1e-4)


def test_what_is_no_number_stays_none_and_harms_no_other(people: People) -> None:
    windows = people.windows(0, 0, 0, 3)
    features = Covariances(np.eye(8), 1)
    clean = features(windows)
    windows[1, 5, 2] = np.nan
    spoilt = features(windows)
    assert np.isnan(spoilt[1]).all()
    np.testing.assert_array_equal(spoilt[[0, 2]], clean[[0, 2]])
    assert np.isfinite(features(np.zeros((1, 80, 4), np.float32))).all()


def test_moments_are_found_level_by_level() -> None:
    rng = np.random.default_rng(1)
    size, wearers, gestures, times, windows = 3, 400, 4, 5, 4
    spread = {"common": 2.0, "own": 1.0, "repetitions": 0.5, "windows": 0.25}
    common = rng.normal(0, spread["common"], (wearers, 1, 1, 1, size))
    own = rng.normal(0, spread["own"], (wearers, gestures, 1, 1, size))
    repetition = rng.normal(0, spread["repetitions"], (wearers, gestures, times, 1, size))
    noise = rng.normal(0, spread["windows"], (wearers, gestures, times, windows, size))
    shape = (wearers, gestures, times, windows)
    features = np.broadcast_to(common + own + repetition + noise, (*shape, size)).reshape(-1, size)
    wearer, gesture, turn = (np.broadcast_to(index, shape).ravel() for index in np.indices(shape)[:3])
    told = Told(features, wearer, gesture, (wearer * gestures + gesture) * times + turn)
    found = moments(told, gestures)
    np.testing.assert_allclose(np.diag(found.windows), spread["windows"] ** 2 * (1 - 1 / windows), rtol=0.05)
    np.testing.assert_allclose(
        np.diag(found.repetitions), spread["repetitions"] ** 2 + spread["windows"] ** 2 / windows, rtol=0.05
    )
    np.testing.assert_allclose(np.diag(found.own), spread["own"] ** 2, rtol=0.15)
    # What all gestures of a wearer share holds a part of what each has of its own.
    np.testing.assert_allclose(np.diag(found.common), spread["common"] ** 2 + spread["own"] ** 2 / gestures, rtol=0.2)


def test_one_day_of_one_person_teaches_nothing() -> None:
    one = np.zeros(4, np.int64)
    with pytest.raises(ValueError, match="at least two people, or days, and one gesture shown twice"):
        moments(Told(np.eye(4), one, one, np.arange(4)), 1)


def test_coordinates_are_as_they_are_said_to_be(known: Population) -> None:
    np.testing.assert_allclose(known.axes.T @ known.axes, np.eye(len(known.own)), atol=1e-9)
    assert (known.own >= 0).all()
    assert (known.common >= 0).all()
    assert np.linalg.eigvalsh(known.within).min() > 0
    assert np.linalg.eigvalsh(known.between - known.within).min() > -0.2 * np.trace(known.between) / len(known.own)


def test_a_repetition_tells_more_than_none_and_many_tell_all(known: Population, people: People) -> None:
    strangers = range(100, 106)
    cold = np.mean([right(known, people, person, known.means) for person in strangers])
    once, often = (
        np.mean([right(known, people, who, known.posterior(*shown(known, people, who, times))) for who in strangers])
        for times in (1, 6)
    )
    assert cold < once <= often + 0.02
    assert once > 0.9


def test_the_posterior_lies_between_what_was_expected_and_what_was_seen(known: Population) -> None:
    seen = known.means + 1.0
    np.testing.assert_array_equal(known.posterior(seen, np.zeros(3)), known.means)
    np.testing.assert_allclose(known.posterior(seen, np.full(3, 1e9)), seen, atol=1e-4)
    # Of a gesture that was not shown, what all share is known.
    partly = known.posterior(seen, np.array([1e9, 1e9, 0.0]))
    assert distances(partly[2:], seen[2:], np.eye(len(known.own))) < distances(
        known.means[2:], seen[2:], np.eye(len(known.own))
    )
    doubts = [np.trace(known.doubt(np.full(3, times))) for times in (0.1, 1.0, 10.0)]
    assert doubts[0] > doubts[1] > doubts[2] > 0


def test_swapped_labels_are_noticed_and_right_ones_are_not_doubted(known: Population, people: People) -> None:
    for person in range(100, 110):
        means, counts = shown(known, people, person, 1)
        assert swapped(known, means, counts) == []
    noticed = sum(
        bool(swapped(known, shown(known, people, who, 1)[0][[1, 0, 2]], np.ones(3))) for who in range(100, 110)
    )
    assert noticed >= 8


def test_a_repetition_unlike_the_others_is_noticed(known: Population, people: People) -> None:
    some = people.repetitions(100, 3)
    labels = np.array([LABELS.index(one.gesture) for one in some])
    features = np.stack([known.features(one.windows).mean(0) for one in some])
    assert astray(known, features, labels) == []
    wrong = labels.copy()
    wrong[4] = 0
    assert (4, 1) in astray(known, features, wrong)


def test_noise_and_silence_are_strange(known: Population, people: People) -> None:
    rng = np.random.default_rng(0)
    gestures = np.stack([known.features(one.windows).mean(0) for one in people.repetitions(100)])
    assert not strange(known, gestures).any()
    for windows in (
        1e-3 * rng.standard_normal((8, 80, 4)),
        np.zeros((8, 80, 4)),
        np.repeat(rng.standard_normal((8, 80, 1)), 4, 2),
        np.full((8, 80, 4), np.nan),
    ):
        assert strange(known, known.features(windows.astype(np.float32)).mean(0, keepdims=True)).all()


def test_a_turned_armband_is_found(known: Population, people: People) -> None:
    counts = np.ones(3)
    assert len(arrangements(4)) == len(set(arrangements(4))) == 8
    for worn in arrangements(4):
        windows = [one.windows[:, :, list(np.argsort(worn))] for one in people.repetitions(101)]

        def seen(way: Sequence[int], windows: list[np.ndarray] = windows) -> np.ndarray:
            return np.stack([known.features(some[:, :, list(way)]).mean(0) for some in windows])

        found = arrangement(known, seen, counts, 4)
        assert (found or arrangements(4)[0]) == worn
        assert unlikeness(known, seen(worn), counts) < 200


@pytest.fixture
def taught(ensemble: Path, known: Population) -> Path:
    write_wearers(ensemble, read_listing(ensemble), Wearers(known, {"people": [1, 2]}))
    return ensemble


def test_what_is_kept_comes_back(taught: Path, known: Population, people: People) -> None:
    read = read_wearers(read_listing(taught))
    assert read is not None
    assert read.calibrated is None
    assert read.provenance == {"people": [1, 2]}
    assert read.population.limits == pytest.approx(known.limits)
    windows = people.windows(100, 1, 0)
    np.testing.assert_allclose(read.population.features(windows), known.features(windows), rtol=1e-3, atol=1e-3)


def test_what_is_damaged_is_refused_with_the_way_out(taught: Path, known: Population) -> None:
    listing = read_listing(taught)
    good = (taught / NUMBERS).read_bytes(), (taught / CARD).read_text()
    for change in (
        lambda: (taught / NUMBERS).write_bytes(good[0][:-4]),
        (taught / NUMBERS).unlink,
        lambda: (taught / CARD).write_text("{}"),
        lambda: (taught / CARD).write_text(good[1].replace('"differences": 1', '"differences": 2')),
        lambda: (taught / CARD).write_text(good[1].replace('"fist"', '"thumb"')),
        lambda: write_wearers(taught, listing, Wearers(replace(known, own=known.own * np.nan), {})),
        lambda: write_wearers(taught, listing, Wearers(replace(known, own=-known.own), {})),
        lambda: write_wearers(taught, listing, Wearers(replace(known, means=known.means[:2]), {})),
    ):
        change()
        with pytest.raises(ValueError, match=r"knows of wearers cannot be used: .*; make it anew with"):
            read_wearers(listing)
        (taught / NUMBERS).write_bytes(good[0])
        (taught / CARD).write_text(good[1])
    assert read_wearers(listing) is not None


@settings(max_examples=10, deadline=None)
@given(order=st.permutations(range(4)))
def test_it_can_be_told_how_an_armband_sits(known: Population, people: People, order: list[int]) -> None:
    windows = people.windows(100, 1, 0)
    given_ = windows[:, :, np.argsort(order)]
    np.testing.assert_array_equal(given_[:, :, order], windows)
    np.testing.assert_allclose(known.seated(order).features(given_), known.features(windows), atol=1e-8)


def test_a_checkpoint_without_them_has_none(ensemble: Path) -> None:
    assert read_wearers(read_listing(ensemble)) is None
    save_ensemble(ensemble, [("a", 1)], {})


def test_a_state_is_kept_whole(tmp_path: Path, known: Population) -> None:
    blocks, guesses = np.arange(6.0).reshape(2, 3), np.zeros((2, 3))
    for state in (State(blocks, guesses), State(blocks, guesses, np.arange(-8.0, 0), 5)):
        save_state(tmp_path / "me", state, known)
        for written, read in zip(state, load_state(tmp_path / "me", known), strict=True):
            np.testing.assert_array_equal(read, written)
    with pytest.raises(ValueError, match="before this one learnt anew"):
        load_state(tmp_path / "me", replace(known, projection=known.projection + 1))
    save_state(tmp_path / "me", State(blocks, guesses[0]), known)
    with pytest.raises(ValueError, match="and not what is known of a wearer"):
        load_state(tmp_path / "me", known)
    (tmp_path / "me").write_bytes(b"else")
    for place in (tmp_path / "me", tmp_path / "nobody"):
        with pytest.raises(ValueError, match="leave it out to begin anew"):
            load_state(place, known)
