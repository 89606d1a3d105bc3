from __future__ import annotations

import pytest
import torch

from models.spectrogram import FLOOR, Masking, Scaling, Spectrogram


@pytest.mark.parametrize(("fft", "hop", "length"), [(64, 4, 204), (16, 5, 81), (33, 7, 40)])
def test_it_is_the_short_time_fourier_transform(fft: int, hop: int, length: int) -> None:
    x = torch.randn(3, 2, length)
    found = Spectrogram(fft, hop)(x)
    columns = 1 + -(-(length - fft) // hop)
    padded = torch.nn.functional.pad(x, (fft + (columns - 1) * hop - length, 0))
    window = torch.hann_window(fft)
    rows = torch.stft(padded.flatten(0, 1), fft, hop, window=window, center=False, return_complex=True)
    expected = torch.log(rows.abs().square() / window.square().sum() + FLOOR).view(3, 2, fft // 2 + 1, columns)
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-3)


def test_white_noise_has_the_power_of_its_variance_in_every_bin() -> None:
    power = Spectrogram(32, 32)(3 * torch.randn(1, 1, 400_000)).exp().mean((0, 1, 3))
    torch.testing.assert_close(power[1:-1], torch.full((15,), 9.0), rtol=0.05, atol=0)


def test_the_last_column_ends_with_the_newest_sample() -> None:
    x = torch.zeros(1, 1, 101)
    quiet = Spectrogram(16, 4)(x)
    x[..., 92] = 1
    loud = Spectrogram(16, 4)(x)
    assert not torch.equal(loud[..., -1], quiet[..., -1])
    assert torch.equal(loud[..., -5], quiet[..., -5])


@pytest.mark.parametrize("length", [1, 15, 16, 17])
def test_a_short_window_gets_columns_enough(length: int) -> None:
    assert Spectrogram(16, 4, columns=2)(torch.randn(2, 3, length)).shape == (2, 3, 9, 2)


def test_scaled_over_the_data_loud_windows_stay_loud() -> None:
    scaling = Scaling(2, 9, "dataset").train()
    pictures = 3 + 2 * torch.randn(6, 50, 2, 9, 20)
    for batch in pictures:
        scaling(batch)
    scaled = scaling.eval()(pictures.flatten(0, 1))
    assert scaled.mean().abs() < 0.02
    assert (scaled.std() - 1).abs() < 0.02
    assert scaling(pictures[0] + 5).mean() > 2


def test_scaled_each_by_itself_a_row_does_not_depend_on_gain_or_batch() -> None:
    scaling = Scaling(2, 9, "instance")
    picture = torch.randn(4, 2, 9, 20)
    scaled = scaling(picture)
    torch.testing.assert_close(scaling(3 + 2 * picture), scaled, rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(scaling(picture[:1]), scaled[:1])
    assert bool(scaling(torch.zeros(1, 2, 9, 20)).isfinite().all()), "a picture without any spread"


def test_masking_hides_one_band_and_one_stretch_in_training_only() -> None:
    torch.manual_seed(0)
    masking, pictures = Masking(0.3), torch.ones(400, 8, 33, 40)
    hidden = masking.train()(pictures) == 0
    assert torch.equal(hidden[:, :1].expand_as(hidden), hidden), "all electrodes lose the same"
    rows, columns = hidden[:, 0].all(2), hidden[:, 0].all(1)
    assert torch.equal(hidden[:, 0], rows[:, :, None] | columns[:, None])
    for stretch, length in ((rows, 33), (columns, 40)):
        count = stretch.sum(1)
        assert count.max() <= round(0.3 * length)
        assert 0.1 * length < count.float().mean() < 0.2 * length
        assert int((stretch.int().diff(dim=1) == 1).sum(1).max()) <= 1, "in one piece"
    assert masking.eval()(pictures) is pictures
    assert Masking(0.0).train()(pictures) is pictures
