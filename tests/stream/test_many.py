from __future__ import annotations

from collections.abc import Callable
from time import sleep

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from devices.recording import Recording
from dsp.flow import Window
from models.classifier import Classifier, Effort
from models.decision import Decide, DecideAll, Settings
from models.loading import Wanted, load_classifier
from stream.many import IN_TIME, Trial, blocks, hold, largest


def test_each_armband_sends_another_part_of_the_recording() -> None:
    samples = np.arange(5000, dtype=np.float32)[:, None]
    first, *rest = blocks(samples, 3, window=100, hop=20, ticks=4)
    assert first.shape == (3, 100, 1)
    assert [block.shape for block in rest] == [(3, 20, 1)] * 4
    sent = np.concatenate([first, *rest], axis=1)[:, :, 0]
    assert (np.diff(sent, axis=1) % 5000 == 1).all(), "each goes on where it was"
    assert len({int(start) for start in sent[:, 0]}) == 3


def test_a_long_trial_goes_round(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stream.many.MEMORY", 3 * 2 * 20 * 4)
    _, *rest = blocks(np.arange(500, dtype=np.float32)[:, None], 2, window=100, hop=20, ticks=7)
    assert len(rest) == 7
    assert np.array_equal(rest[0], rest[3])


def limited(limit: int) -> Callable[[int], Trial]:
    def trial_of(streams: int) -> Trial:
        return Trial(streams, 0.02, ticks=100, late=0 if streams <= limit else 50)

    return trial_of


@settings(deadline=None)
@given(limit=st.integers(0, 6000), most=st.integers(1, 6000))
def test_the_largest_is_found_in_few_trials(limit: int, most: int) -> None:
    found, trials = largest(most, limited(limit))
    best = min(limit, most)
    assert found <= best
    assert found >= best / 1.05 - 1
    assert len(trials) <= 20
    if limit >= most:
        assert found == most
    assert max(trial.streams for trial in trials) <= max(1, 2 * best + 1), "nobody waits for what is hopeless"


def test_a_single_stumble_does_not_halve_the_answer() -> None:
    stumbled: set[int] = set()

    def trial_of(streams: int) -> Trial:
        """Each number stumbles when it is tried first."""
        first = streams not in stumbled
        stumbled.add(streams)
        return Trial(streams, 0.02, ticks=100, late=50 if streams > 1000 else 3 if first else 0)

    found, trials = largest(2000, trial_of)
    assert 950 <= found <= 1000
    assert len(trials) <= 40


def test_the_next_number_is_what_the_last_one_foretells() -> None:
    def trial_of(streams: int) -> Trial:
        """Half a millisecond each, of twenty."""
        trial = Trial(streams, 0.02, ticks=100, late=0 if streams <= 40 else 100)
        trial.legs["total"].add(0.0005 * streams)
        return trial

    found, trials = largest(1000, trial_of)
    assert found in (39, 40)
    assert [trial.streams for trial in trials][:3] == [1, 8, 36]
    assert len(trials) <= 7
    assert largest(5, trial_of, 3)[0] == 5


def test_a_trial_holds_if_hardly_a_tick_is_late() -> None:
    assert Trial(1, 0.02, ticks=1000, late=10).holds
    assert not Trial(1, 0.02, ticks=1000, late=11).holds
    assert not Trial(1, 0.02).holds
    assert not Trial(1, 0.02, ticks=1000, over=True).holds
    assert IN_TIME == 0.99
    assert Trial(1, 0.02, ticks=100, late=5).nearly
    assert not Trial(1, 0.02, ticks=100, late=6).nearly
    assert not Trial(1, 0.02, ticks=100, late=1).nearly
    assert not Trial(1, 0.02, ticks=100, late=2, over=True).nearly


def test_a_batch_holds_what_one_armband_alone_would_get(
    recording: Recording, checkpoint: object, classifier: Classifier
) -> None:
    wanted = Wanted("torch", "cpu", streams=3)
    many = load_classifier(str(checkpoint), wanted)
    seen: list[NDArray[np.float32]] = []
    real = many.engine.answer
    many.engine.answer = lambda effort: seen.append(real(effort)) or seen[-1]  # type: ignore[method-assign, func-returns-value]
    trial = hold(many, recording.samples, 3, 0.5)
    assert trial.ticks == 3
    assert trial.legs["total"].count == 3
    assert not trial.over
    from dsp.pipeline import filtered  # noqa: PLC0415 - only here

    window, hop = classifier.design.spec.window, classifier.design.spec.hop
    for stream in range(3):
        start = stream * 977
        signal = recording.samples.take(start + np.arange(window + 4 * hop), axis=0, mode="wrap")
        whole = filtered(classifier.design, signal)
        for tick, answers in enumerate(seen[:4]):
            samples = whole[tick * hop : tick * hop + window]
            expected = classifier(Window(samples, tick * hop, tick * hop + window))
            np.testing.assert_allclose(answers[stream], expected, atol=1e-5)


def test_a_hopeless_trial_is_broken_off(recording: Recording, checkpoint: object) -> None:
    many = load_classifier(str(checkpoint), Wanted("torch", "cpu", streams=2, hop_ms=10))
    real = many.engine.answer

    def slow(effort: Effort) -> NDArray[np.float32]:
        sleep(0.03)
        return real(effort)

    many.engine.answer = slow  # type: ignore[method-assign]
    trial = hold(many, recording.samples, 2, 60.0)
    assert trial.over
    assert not trial.holds
    assert trial.ticks < 20
    assert trial.legs["total"].max > 0.2


@settings(deadline=None, max_examples=60)
@given(
    smoothing=st.integers(1, 4),
    threshold=st.sampled_from([0.0, 0.4, 0.7]),
    hysteresis=st.sampled_from([0.0, 0.2]),
    temperature=st.sampled_from([1.0, 0.5, 3.0]),
    debounce_ms=st.sampled_from([0.0, 25.0, 60.0]),
    release_ms=st.sampled_from([0.0, 50.0]),
    seed=st.integers(0, 1000),
)
def test_deciding_for_all_is_deciding_for_each(
    smoothing: int,
    threshold: float,
    hysteresis: float,
    temperature: float,
    debounce_ms: float,
    release_ms: float,
    seed: int,
) -> None:
    rules = Settings(smoothing, threshold, hysteresis, temperature, debounce_ms, release_ms, "b")
    labels = ("a", "b", "c")
    probabilities = np.random.default_rng(seed).dirichlet([0.5] * 3, (12, 4)).astype(np.float32)
    everyone, each = DecideAll(3, 4, rules, rest=1, hop_ms=25), [Decide(labels, rules, 200.0) for _ in range(4)]
    for tick, answers in enumerate(probabilities):
        chosen, confidence = everyone(answers)
        window = Window(np.zeros((10, 1), np.float32), tick * 5, tick * 5 + 10)
        for stream, decide in enumerate(each):
            decision = decide(answers[stream], window)
            assert decision.label == (labels[chosen[stream]] if chosen[stream] >= 0 else None)
            assert decision.confidence == pytest.approx(confidence[stream])
