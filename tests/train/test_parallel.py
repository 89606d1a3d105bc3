"""Two processes that share every batch reach what one reaches by itself."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from models.blocks import mixed
from models.checkpoint import load
from tests.train.conftest import SHORT, SMALL
from train.parallel import Company, JointNorm, company, joined

ROOT = Path(__file__).parents[2]
SETTINGS = (*SHORT, *SMALL["se_resnet"], "model.dropout=0", "epochs=2", "ema=0.9", "class_weights=1,1.5,1.5,1,1")


def trained(data: Path, out: Path, processes: int, *changes: str) -> subprocess.CompletedProcess[str]:
    launcher = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"] if processes > 1 else []
    command = [sys.executable, *launcher, "-m", "train", "se_resnet", "--data", str(data), "--out", str(out)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"}
    return subprocess.run(
        [*command, "--device", "cpu", "--json", *SETTINGS, *changes],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


@pytest.mark.skipif(sys.platform != "linux", reason="the network interface of the loopback is called lo on Linux")
def test_two_processes_reach_the_weights_of_one(synapse_like: Path, tmp_path: Path) -> None:
    alone, two = (trained(synapse_like, tmp_path / str(n), n) for n in (1, 2))
    assert alone.returncode == 0, alone.stderr
    assert two.returncode == 0, two.stderr
    assert len(two.stdout.splitlines()) == 1, "one of them speaks"
    assert two.stderr.count("epoch 2:") == 1
    histories = [json.loads((tmp_path / n / "history.json").read_text()) for n in "12"]
    for one, other in zip(*histories, strict=True):
        for key in ("loss", "accuracy", "val_loss"):
            assert other[key] == pytest.approx(one[key], abs=2e-3), key
    (_, one), (_, other) = (load(tmp_path / n / "checkpoint") for n in "12")
    x = torch.randn(50, 8, 204, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        torch.testing.assert_close(other(x).softmax(1), one(x).softmax(1), atol=5e-3, rtol=0)


@pytest.mark.skipif(sys.platform != "linux", reason="the network interface of the loopback is called lo on Linux")
def test_a_batch_that_cannot_be_shared_is_refused(synapse_like: Path, tmp_path: Path) -> None:
    ended = trained(synapse_like, tmp_path / "odd", 2, "batch=15")
    assert ended.returncode != 0
    assert "batch=15 cannot be shared out evenly; make it a multiple of 2" in ended.stderr
    assert not (tmp_path / "odd" / "checkpoint").exists()


def test_alone_nothing_changes() -> None:
    network = nn.Sequential(nn.Conv1d(4, 8, 3), nn.BatchNorm1d(8))
    assert company() == Company(0, 1)
    assert joined(network) is network
    assert type(network[1]) is nn.BatchNorm1d


def test_shares_are_the_batch() -> None:
    batch = torch.arange(12).view(6, 2)
    shares = [Company(rank, 3).share(batch) for rank in range(3)]
    assert [len(share) for share in shares] == [2, 2, 2]
    assert torch.equal(torch.cat(shares).sort(0).values, batch)


def test_partners_stay_together_in_shares() -> None:
    rows, own = torch.randn(12, 3), torch.rand(12)
    whole = mixed(rows, own)
    for rank in range(3):
        one = Company(rank, 3)
        assert torch.equal(mixed(one.share(rows), one.share(own)), one.share(whole))


@pytest.mark.parametrize("affine", [True, False])
@pytest.mark.parametrize("dimensions", [1, 2])
def test_a_joint_norm_of_one_is_the_usual_one(dimensions: int, affine: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("train.parallel.summed", lambda value: value)
    usual = (nn.BatchNorm1d if dimensions == 1 else nn.BatchNorm2d)(5, affine=affine)
    if affine:
        nn.init.uniform_(usual.weight, 0.5, 2)
        nn.init.uniform_(usual.bias, -1, 1)
    x = torch.randn(7, 5, *(11,) * dimensions, requires_grad=True)
    same = x.detach().clone().requires_grad_()
    joint = JointNorm.of(type(usual)(5, affine=affine))
    joint.load_state_dict(usual.state_dict())
    torch.testing.assert_close(joint(same), usual(x))
    joint(same).square().sum().backward()
    usual(x).square().sum().backward()
    torch.testing.assert_close(same.grad, x.grad, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(joint.running_var, usual.running_var)
    torch.testing.assert_close(joint.running_mean, usual.running_mean)
    torch.testing.assert_close(joint.eval()(x), usual.eval()(x))
