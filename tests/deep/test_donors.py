"""Masks and signs borrowed from other runs, by content."""

import json
import shutil
from dataclasses import replace
from hashlib import sha256

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from deep import Config, load_run, run
from deep.donors import Donors
from deep.trainer import TorchTrainer
from theory.streams import key


@pytest.fixture
def borrower(tiny, tmp_path, stored):
    """A configuration that borrows masks of the stored random run and signs of the stored LRR run, "{seed}" in its paths."""
    for name in ("random", "LRR"):
        shutil.copytree(stored[name].path, tmp_path / f"{name}-0")
    paths = {"mask_from": str(tmp_path / "random-{seed}"), "signs_from": str(tmp_path / "LRR-{seed}")}
    return tiny(tmp_path / "run", algorithm="WR(step=3)", **paths)


def test_masks_and_signs_are_the_donors(borrower, stored):
    found = load_run(run(borrower, quiet=True))
    for level, masks, signs in zip(found.levels[1:], stored["random"].levels[1:], stored["LRR"].levels[1:], strict=True):
        at = found.levels[0].tensors("step=3")
        for name, mask in level.mask.items():
            assert torch.equal(mask, masks.mask[name])
            start, final = level.start[name], signs.final[name]
            assert torch.equal(start.abs()[mask], at[name].abs()[mask])
            assert torch.equal((start < 0)[mask], (final < 0)[mask])
        assert level.record["borrowed"] == {
            "mask_from": masks.record["files"]["mask.safetensors"],
            "signs_from": signs.record["files"]["final.safetensors"],
        }
    assert found.levels[0].record["borrowed"] == {}
    assert found.record["same"]["borrowed"] == {
        "mask_from": stored["random"].record["identity"],
        "signs_from": stored["LRR"].record["identity"],
    }


@pytest.mark.parametrize("setting", ["mask_from", "signs_from"])
def test_one_alone_and_level_0_taken_over(tiny, tmp_path, stored, borrower, setting):
    config = replace(borrower, **{"mask_from": None, "signs_from": None} | {setting: getattr(borrower, setting)})
    run(config, dense=stored["WR(step=3)"].path, quiet=True)
    level = load_run(config.path).levels[1]
    same_mask = all(torch.equal(level.mask[n], m) for n, m in stored["random"].levels[1].mask.items())
    assert same_mask == (setting == "mask_from")
    assert list(level.record["borrowed"]) == [setting]
    final = "levels/00/final.safetensors"
    assert (config.path / final).samefile(stored["WR(step=3)"].path / final)


def test_stopped_inside_a_level_it_goes_on_with_what_was_borrowed(borrower, tmp_path, contents, monkeypatch, capsys):
    run(borrower, quiet=True)
    stopped, step = replace(borrower, out=str(tmp_path / "stopped"), checkpoint=0.0), TorchTrainer.step

    def stop_after(n):
        left = iter(range(n))
        monkeypatch.setattr(TorchTrainer, "step", lambda *args: step(*args) if next(left, None) is not None else 1 / 0)
        with pytest.raises(ZeroDivisionError):
            run(stopped, quiet=True)
        monkeypatch.setattr(TorchTrainer, "step", step)

    stop_after(8 + 3)
    stop_after(3)
    changed = _changed(tmp_path / "LRR-0", 2)  # level 1 was begun, 2 not
    run(replace(stopped, levels=1), quiet=True)
    assert "starts anew" not in capsys.readouterr().err
    for name, content in contents(stopped.path / "levels" / "01").items():
        assert content == (borrower.path / "levels" / "01" / name).read_bytes()
    stop_after(3)
    changed()
    run(stopped, quiet=True)
    assert "belongs to other settings: it is now 'midway.safetensors.refused', and level 2 starts" in capsys.readouterr().err
    (stopped.path / "midway.safetensors.refused").unlink()
    assert contents(stopped.path) == contents(borrower.path)


def _changed(folder, index):
    """Change the final weights of a level, as if another run lay there; returns what changes them back."""
    level = folder / "levels" / f"{index:02d}"
    before = {path: path.read_bytes() for path in level.iterdir()}
    file, record = level / "final.safetensors", json.loads((level / "level.json").read_text())
    save_file({name: -tensor for name, tensor in load_run(folder).levels[index].final.items()}, file)
    record["files"]["final.safetensors"] = sha256(file.read_bytes()).hexdigest()
    (level / "level.json").write_text(json.dumps(record))

    def back():
        for path, content in before.items():
            path.write_bytes(content)

    return back


def test_a_donor_that_changed_is_refused(borrower, tmp_path, stored, contents):
    run(replace(borrower, levels=1), quiet=True)
    before = contents(borrower.path)
    back = _changed(tmp_path / "LRR-0", 1)
    with pytest.raises(
        ValueError, match=r"Level 1 of .*LRR-0' \(signs_from\) changed since the run in .*run' borrowed from it"
    ):
        run(borrower, quiet=True)
    back()
    shutil.rmtree(tmp_path / "random-0")
    shutil.copytree(stored["IMP"].path, tmp_path / "random-0")
    with pytest.raises(ValueError, match=r"borrows with mask_from from a run with identity \w+ and not from a run with ident"):
        run(borrower, quiet=True)
    assert contents(borrower.path) == before


def test_the_same_donor_elsewhere_is_the_same(borrower, tmp_path):
    run(replace(borrower, levels=1), quiet=True)
    (tmp_path / "LRR-0").rename(tmp_path / "moved")
    run(replace(borrower, signs_from=str(tmp_path / "moved")), quiet=True)
    assert len(load_run(borrower.path).levels) == 3
    with pytest.raises(ValueError, match=r"borrows with signs_from from a run .* and not from nothing"):
        run(replace(borrower, signs_from=None), quiet=True)


def test_what_does_not_fit_is_refused_before_anything_is_trained(tiny, tmp_path, borrower, monkeypatch):
    monkeypatch.setattr(TorchTrainer, "step", lambda *args: pytest.fail("trained"))
    for change, words in (
        ({"levels": 3}, r"There is no level 3 to borrow from in .*random-0' \(mask_from\); it has 3 finished levels"),
        ({"width": 3}, r"level 1 of .*random-0' \(mask_from\): its '.*' has shape .*, not .* as here"),
        ({"model": "lenet-300-100", "width": None}, r"level 1 of .*random-0' \(mask_from\): it has 'conv1.weight', unlike"),
        ({"mask_from": str(tmp_path / "none-{seed}")}, "none-0' is not a run folder"),
        ({"seed": 1}, "random-1' is not a run folder"),
    ):
        with pytest.raises(ValueError, match=words):
            run(replace(borrower, out=str(tmp_path / "new"), **change), quiet=True)


def test_a_training_of_ones_own_borrows_too(tmp_path):
    class Doubling:
        batch, norm, keys = 0, frozenset[str](), key(np.uint64(3), "doubling")

        def __init__(self, sign):
            self.identity = sign

        def initial(self):
            return {"w": self.identity * np.array([1.0, 2.0, 3.0, 4.0])}, {"w": np.ones(4, dtype=bool)}

        def train(self, params, mask, level, at, rewind):
            return {"final": {"w": 2 * params["w"]}}

    donor = run(Config(algorithm="random", levels=2, fraction=0.3, out=str(tmp_path / "a")), trainer=Doubling(-1), quiet=True)
    config = Config(algorithm="IMP", levels=2, out=str(tmp_path / "b"), mask_from=str(donor), signs_from=str(donor))
    for level, of_donor in zip(
        load_run(run(config, trainer=Doubling(1), quiet=True)).levels, load_run(donor).levels, strict=True
    ):
        assert torch.equal(level.mask["w"], of_donor.mask["w"])
        sign = -1 if level.index else 1
        assert torch.equal(level.start["w"], sign * torch.tensor([1.0, 2.0, 3.0, 4.0]) * of_donor.mask["w"])


def test_without_donors_there_is_nothing(tiny, tmp_path):
    donors = Donors(tiny(tmp_path))
    assert (donors.runs, donors.identity, donors.digests(1)) == ({}, {}, {})
