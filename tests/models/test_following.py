"""A network whose normalisations follow: the same network at first, the wearer's more and more, and bounded."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from dsp.design import Design
from models.adaptation import Adaptation
from models.checkpoint import Checkpoint, save
from models.following import Dense, Following, Settings, dense, gelu, network_in
from models.listing import read_listing
from models.reading import Reading
from models.refit import refit
from models.settling import settle
from models.tangent import Config, TangentNetwork
from tests.models.people import CHANNELS, LABELS, People

HOP_MS = 200.0
CONFIG = Config(CHANNELS, len(LABELS), differences=1, hidden=(24, 12))
KNOWN, STRANGERS = range(20), range(100, 112)


@pytest.fixture(scope="module")
def people() -> People:
    return People()


@pytest.fixture(scope="module")
def module(people: People) -> TangentNetwork:
    """Taught by twenty people."""
    told = [(label, people.windows(who, label, 0)) for who in KNOWN for label in range(len(LABELS))]
    windows = np.concatenate([some for _, some in told])
    truth = np.repeat([label for label, _ in told], len(told[0][1]))
    torch.manual_seed(0)
    fresh = TangentNetwork(CONFIG)
    for part in fresh.modules():
        if isinstance(part, torch.nn.BatchNorm1d):
            part.momentum = None  # the mean of all that passes
    with torch.inference_mode():
        fresh.train()(torch.from_numpy(windows.transpose(0, 2, 1)))
    taught = refit(fresh.eval(), windows, truth, len(LABELS))
    assert isinstance(taught, TangentNetwork)
    return taught


@pytest.fixture(scope="module")
def network(module: TangentNetwork) -> Dense:
    return in_numpy(module)


def in_numpy(module: torch.nn.Module, reading: Reading | None = None) -> Dense:
    tensors = {name: tensor.detach().numpy() for name, tensor in module.state_dict().items()}
    return dense(tensors, {"hidden": CONFIG.hidden, "differences": CONFIG.differences}, reading or Reading())


def said(module: TangentNetwork, windows: NDArray[np.float32]) -> NDArray[np.float32]:
    with torch.inference_mode():
        answers: NDArray[np.float32] = module(torch.from_numpy(windows.transpose(0, 2, 1))).softmax(-1).numpy()
    return answers


def alone(following: Following, window: NDArray[np.float32]) -> NDArray[np.float64]:
    """What the network that follows says by itself."""
    answer = following.network.logits(following.network.features(window), following._factor, following._offset)[0]
    powers = np.exp(answer - answer.max())
    share: NDArray[np.float64] = powers / powers.sum()
    return share


def walk(following: Following, people: People, who: int, blocks: int) -> None:
    rng = np.random.default_rng(who)
    for turn in range(blocks):
        for window in people.windows(who, int(rng.integers(len(LABELS))), 50 + turn):
            following.join(window, np.full(len(LABELS), 1 / len(LABELS), np.float32))
        following.learn()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda windows: windows,
        lambda windows: 0 * windows,
        lambda windows: 1e3 * windows,
        lambda windows: windows * np.array([1, 0, 1, 1], np.float32),
        lambda windows: windows[..., :1].repeat(CHANNELS, -1),
    ],
)
def test_who_has_followed_nobody_is_the_network_itself(
    spoil: Callable[[NDArray[np.float32]], NDArray[np.float32]], module: TangentNetwork, network: Dense, people: People
) -> None:
    windows = np.ascontiguousarray(spoil(people.windows(100, 1, 0)))
    following = Following(network)
    np.testing.assert_allclose([alone(following, window) for window in windows], said(module, windows), atol=2e-3)
    given = said(module, windows)
    np.testing.assert_array_equal([following.join(*pair) for pair in zip(windows, given, strict=True)], given)
    np.testing.assert_allclose([following.surer(row) for row in given], given, rtol=1e-6)


def test_gelu_is_that_of_pytorch() -> None:
    x = np.linspace(-12, 12, 4801, dtype=np.float32)
    np.testing.assert_allclose(gelu(x), torch.nn.functional.gelu(torch.from_numpy(x)).numpy(), atol=2e-6)


def test_it_reads_of_an_ensemble_s_windows_what_the_member_does(
    module: TangentNetwork, people: People, network: Dense
) -> None:
    reading = Reading(16, (0.5, 2.0, 1.0, 4.0))
    window = people.windows(100, 1, 0)[0]
    wide = np.concatenate([np.full((16, CHANNELS), 7, np.float32), window / np.array(reading.gain, np.float32)])
    np.testing.assert_allclose(in_numpy(module, reading).features(wide), network.features(window), rtol=1e-5)


def test_a_checkpoint_s_own_network_is_found_and_damage_is_said(
    module: TangentNetwork, people: People, processing: Design, tmp_path: Path
) -> None:
    path = tmp_path / "one"
    save(path, Checkpoint("tangent", CONFIG, LABELS, processing), module, people.windows(100, 1, 0))
    listing = read_listing(path)
    found = network_in(listing)
    assert found is not None
    following, golden = Following(found), listing.cards[0].golden()
    given = torch.from_numpy(golden.logits).softmax(-1).numpy()
    np.testing.assert_allclose([alone(following, window) for window in golden.windows], given, atol=1e-4)
    (path / "model.safetensors").write_bytes(b"something else")
    with pytest.raises(ValueError, match=r"one cannot be used: model.safetensors is no whole safetensors file"):
        network_in(listing)


def test_statistics_come_half_of_the_way_and_no_further(network: Dense, people: People) -> None:
    following = Following(network)
    inputs = []
    for turn in range(60):
        for window in people.windows(100, turn % len(LABELS), turn):
            following.join(window, np.full(len(LABELS), 1 / len(LABELS), np.float32))
            inputs.append(network.features(window))
        following.learn()
    size, known = len(inputs[0]), 60 / (60 + Settings().half)
    share = Settings().moved * known
    mean = network.mean[:size] + share * (np.mean(inputs, 0) - network.mean[:size])
    variance = network.variance[:size] + share * (np.var(inputs, 0) - network.variance[:size])
    np.testing.assert_allclose(following._factor[:size], 1 / np.sqrt(variance + 1e-5), rtol=1e-3)
    np.testing.assert_allclose(following._offset[:size], -mean / np.sqrt(variance + 1e-5), atol=1e-3)


def test_it_knows_strangers_better_the_longer_it_follows(
    module: TangentNetwork, network: Dense, people: People
) -> None:
    before = after = 0.0
    for who in STRANGERS:
        following = Following(network)
        walk(following, people, who, 24)
        for label in range(len(LABELS)):
            windows = people.windows(who, label, 7)
            before += float((said(module, windows).argmax(1) == label).mean())
            after += float(np.mean([alone(following, window).argmax() == label for window in windows]))
    asked = len(STRANGERS) * len(LABELS)
    assert after / asked > before / asked + 0.03


def test_what_is_dropped_changes_nothing(network: Dense, people: People) -> None:
    following = Following(network)
    walk(following, people, 100, 3)
    state = following.state
    for window in people.windows(101, 0, 0):
        following.join(1e3 * window, np.full(len(LABELS), 1 / len(LABELS), np.float32))
    following.drop()
    following.learn()
    np.testing.assert_array_equal(following.state, state)
    following.reset()
    np.testing.assert_array_equal(following.state, Following(network).state)


def test_what_is_long_past_fades(network: Dense, people: People) -> None:
    following, fresh = (Following(network, Settings(memory=6)) for _ in range(2))
    walk(following, people, 100, 6)
    walk(following, people, 101, 60)
    walk(fresh, people, 101, 60)
    assert following.state[0] == fresh.state[0] == 6
    np.testing.assert_allclose(following.state, fresh.state, rtol=1e-3, atol=1e-3)


def test_it_goes_on_from_what_was_kept(network: Dense, people: People) -> None:
    one, other = Following(network), Following(network)
    walk(one, people, 100, 5)
    other.restore(one.state)
    window, given = people.windows(100, 2, 3)[0], np.array([0.2, 0.5, 0.3], np.float32)
    np.testing.assert_array_equal(other.join(window, given), one.join(window, given))


@pytest.mark.parametrize("place", ["short", "endless", "negative", "no square"])
def test_what_is_of_another_checkpoint_is_refused(place: str, network: Dense) -> None:
    following = Following(network)
    state = following.state
    if place == "short":
        state = state[:-1]
    else:
        state[{"endless": 3, "negative": 0, "no square": -1}[place]] = np.inf if place == "endless" else -1.0
    with pytest.raises(ValueError, match="belongs to another checkpoint: begin anew"):
        following.restore(state)


def test_adaptation_follows_with_what_it_learns_and_lets_go_of_the_rest(network: Dense, people: People) -> None:
    known = people.population()
    adaptation = settle(known, HOP_MS, network)
    given = np.full(len(LABELS), 1 / len(LABELS), np.float32)

    def show(windows: NDArray[np.float32]) -> None:
        for window in windows:
            adaptation.answer(window, given)
            adaptation.learn()

    for turn in range(4):
        show(people.windows(100, turn % len(LABELS), turn))
    assert adaptation.state.followed[0] == len(adaptation.state.blocks) == 4
    kept = adaptation.state
    show(1e3 * people.windows(100, 0, 9))  # like no gesture
    assert adaptation.refused == 1
    np.testing.assert_array_equal(adaptation.state.followed, kept.followed)
    again = settle(known, HOP_MS, network)
    again.restore(kept)
    np.testing.assert_array_equal(again.state.followed, kept.followed)
    again.restore(kept._replace(followed=np.empty(0)))  # written before a network could follow
    assert again.state.followed[0] == 0
    adaptation.reset()
    assert adaptation.state.followed[0] == 0
    assert Adaptation(known, HOP_MS).state.followed.size == 0
