"""One run on two Gloo processes: the masks and, up to rounding, the numbers of one process; what fails, fails as one."""

import json
import os
import signal
import socket
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
import torch
from PIL import Image
from torch import nn

from deep import Config, distributed, load_run, run
from deep.data import load
from deep.distributed import ALONE, World, joined

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
import together  # noqa: E402

ENVIRONMENT = {**os.environ, "PYTHONPATH": os.pathsep.join([str(HERE.parents[1]), str(HERE)]), "OMP_NUM_THREADS": "1"}
ROUNDING = {"adamw": 1e-9, "float32": 2e-2}
"""Largest difference of a stored number after all steps; measured 2e-11 and 2e-3, and 3e-14 in float64 with plain SGD."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Runs of one process in alone, of two in together; what each of the two has seen in 0.json and 1.json."""
    path = tmp_path_factory.mktemp("distributed")
    for name, settings in together.RUNS.items():
        run(Config(**settings, out=str(path / "alone" / name)), quiet=True)
    borrowed = together.BORROWED | {"mask_from": together.BORROWED["mask_from"].format(folder=path)}
    run(Config(**borrowed, out=str(path / "alone" / "borrowed")), quiet=True)
    run(Config(**together.SMALL | {"levels": 0}, out=str(path / "moved")), quiet=True)
    words = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", together.__file__, str(path)]
    done = subprocess.run(words, env=ENVIRONMENT, capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stderr
    (path / "stderr").write_text(done.stderr)
    return path


@pytest.fixture(scope="module")
def seen(folder):
    """What process 0 and process 1 found."""
    return [json.loads((folder / f"{rank}.json").read_text()) for rank in (0, 1)]


def difference(one, other):
    """Largest of all numbers in the final points of all levels, which have the same masks."""
    largest = 0.0
    for level, twin in zip(one.levels, other.levels, strict=True):
        assert all(torch.equal(twin.mask[n], m) for n, m in level.mask.items())
        assert level.names == twin.names
        largest = max(largest, *(float((twin.final[n].double() - t.double()).abs().max()) for n, t in level.final.items()))
    return largest


@pytest.mark.parametrize("name", [*together.RUNS, "borrowed"])
def test_two_processes_do_what_one_does(folder, name):
    alone, both = load_run(folder / "alone" / name), load_run(folder / "together" / name)
    tolerance = ROUNDING.get(name, 1e-12)
    assert difference(alone, both) < tolerance
    for row, twin in zip(alone.rows, both.rows, strict=True):
        for part in {"train", "validation", "test"} & row.keys():
            assert twin[part]["loss"] == pytest.approx(row[part]["loss"], abs=tolerance)
            assert twin[part]["n"] == row[part]["n"]
            if name != "float32":
                assert twin[part]["correct"] == row[part]["correct"]
        assert row.keys() == twin.keys()


@pytest.mark.parametrize("fault", ["batch norm of one process", "summed gradients"])
def test_a_faulty_average_is_far_from_one_process(folder, fault):
    """Negative control: level 0 has the masks whatever happens, and numbers that are no rounding apart."""
    wrong, alone = load_run(folder / f"{fault}-False"), load_run(folder / "alone" / "resnet")
    pairs = [(t, alone.levels[0].final[n]) for n, t in wrong.levels[0].final.items()]
    assert max(float((x.double() - y.double()).abs().max()) for x, y in pairs) > 0.1


def test_processes_that_drift_apart_are_stopped(seen):
    """Negative control: what is not averaged differs between the processes, and both say so."""
    sentence = "The parameters at the end of level 0 are not the same on process 0 and process 1 of 2."
    for found in seen:
        assert found["faults"]["batch norm of one process-True"] == sentence
        assert found["faults"]["gradients of one process-True"] == sentence
        assert found["masks differ"] == "The masks of level 1 are not the same on process 0 and process 1 of 2."
        assert found["settings differ"] == "The settings are not the same on process 0 and process 1 of 2."


def test_every_process_trains_on_the_stored_masks(folder, seen):
    levels = load_run(folder / "together" / "resnet").levels
    for found in seen:
        assert found["masks"] == [{n: m.int().tolist() for n, m in level.mask.items()} for level in levels]


def test_stopped_inside_a_level_two_processes_go_on_to_the_same_bits(folder, seen):
    assert [found["resumed"] for found in seen] == [[2, 4], [2, 4]]
    resumed, whole = (load_run(folder / "together" / name) for name in ("resumed", "resnet"))
    for level, twin in zip(resumed.levels, whole.levels[:2], strict=True):
        assert level.record["files"] == twin.record["files"]


def test_another_number_of_processes_is_flagged(folder):
    lines = [line for line in (folder / "stderr").read_text().splitlines() if line.startswith("Flagged")]
    assert lines == [
        f"Flagged: {str(folder / 'moved')!r} goes on elsewhere (device 'cpu' before, '2 x cpu' now), where bits may differ."
    ]
    assert [level.record["device"] for level in load_run(folder / "moved").levels] == ["cpu", "2 x cpu"]


@pytest.mark.parametrize("name", together.NORMS)
def test_batch_norm_of_shares_is_that_of_the_whole_batch(seen, name):
    """Values, gradients and statistics against torch's own batch norm on the whole batch, which autograd differentiates."""
    make, shape, dtype = together.NORMS[name]
    whole, shares = together.normalise(make, shape, dtype), [found["norms"][name] for found in seen]
    tolerance = {torch.float64: 1e-12, torch.float32: 1e-4, torch.bfloat16: 0.1}[dtype]
    for tensor, expected in whole.items():
        parts = [torch.tensor(share[tensor], dtype=torch.float64) for share in shares]
        if tensor in ("y", "x"):
            found = torch.cat(parts)
        else:
            found = sum(parts) if tensor in ("weight", "bias") else parts[0]
            assert tensor in ("weight", "bias") or torch.equal(*parts)
        torch.testing.assert_close(found, torch.tensor(expected, dtype=torch.float64), rtol=tolerance, atol=tolerance)


def test_batch_norm_alone_is_torchs_own_and_is_given_back():
    make, shape, dtype = together.NORMS["2d"]
    attached = together.normalise(make, shape, dtype, attach=lambda norm: together.synchronised(norm, ALONE))
    for name, expected in together.normalise(make, shape, dtype).items():
        assert torch.tensor(attached[name]).allclose(torch.tensor(expected), atol=1e-12)
    net = nn.Sequential(make())
    before = set(net[0].__dict__)
    with together.synchronised(net, ALONE):
        assert list(net.state_dict()) == list(nn.Sequential(make()).state_dict())
        assert torch.equal(net.eval()(torch.ones(shape)), nn.Sequential(make()).eval()(torch.ones(shape)))
        with pytest.raises(ValueError, match="expected 4D input"):
            net.train()(torch.ones(2, 3))
    assert set(net[0].__dict__) == before


def test_what_cannot_be_shared_is_refused_in_one_sentence(seen):
    for found in seen:
        assert found["odd"] == "batch_size=31 can't be shared equally by 2 processes."
        assert found["graphs"].startswith("compile='reduce-overhead' records GPU graphs, which 2 processes can't share")
        assert found["idle"].startswith("Some parameter of the network does not affect its output")
        assert found["sweep"].startswith("A sweep needs no torchrun")


def test_values_of_process_0(seen):
    assert [found["rows"] for found in seen] == [
        [{"rank": 0}, {"a": {"t": [[False], [False]], "empty": []}}, [0, 2]],
        [{"rank": 0}, {"a": {"t": [[False], [False]], "empty": []}}, [1, 2]],
    ]


@pytest.fixture(scope="module")
def failed(tmp_path_factory):
    """Exit codes and standard error of two processes, by who of them failed."""
    path = tmp_path_factory.mktemp("failed")
    subprocess.run([sys.executable, together.__file__, str(path), "failures"], env=ENVIRONMENT, timeout=100, check=True)
    codes = json.loads((path / "codes.json").read_text())
    return {case: (two, "".join((path / f"{case}.{rank}").read_text() for rank in (0, 1))) for case, two in codes.items()}


@pytest.mark.parametrize(
    ("case", "codes", "sentence"),
    [
        ("first", [2, 2], "Process 0 has lost its images."),
        ("last", [2, 2], "Process 1 has lost its images."),
        ("killed", [2, -signal.SIGKILL], "One of the 2 processes of this run was lost"),
    ],
)
def test_a_failure_of_one_process_ends_all_with_one_sentence(failed, case, codes, sentence):
    assert failed[case][0] == codes
    lines = [line for line in failed[case][1].splitlines() if line.startswith("deep.run")]
    assert len(lines) == 1
    assert lines[0].startswith(f"deep.run: {sentence}")
    assert "Traceback" not in failed[case][1]


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"MASTER_PORT": None}, "but MASTER_PORT is not set"),
        ({"WORLD_SIZE": "two"}, "WORLD_SIZE is a whole number, not 'two'"),
        ({"RANK": "2"}, "LOCAL_RANK <= RANK < WORLD_SIZE should hold, but they are 1, 2 and 2"),
        ({"RANK": "0"}, "they are 1, 0 and 2"),
    ],
)
def test_environment_variables_that_make_no_sense(monkeypatch, changed, sentence):
    good = {"RANK": "1", "WORLD_SIZE": "2", "LOCAL_RANK": "1", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "1"}
    for name, value in (good | changed).items():
        monkeypatch.delenv(name, raising=False) if value is None else monkeypatch.setenv(name, value)
    with pytest.raises(ValueError, match=sentence), joined():
        pass


def test_nobody_to_join(monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    good = {"RANK": "1", "WORLD_SIZE": "2", "LOCAL_RANK": "1", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    for name, value in good.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(distributed, "ANSWER", timedelta(seconds=1))
    with pytest.raises(OSError, match=rf"^Process 1 of 2 can't join the others at 127\.0\.0\.1:{port}: "), joined():
        pass


def test_one_process_is_alone(monkeypatch):
    for name in ("RANK", "WORLD_SIZE"):
        monkeypatch.delenv(name, raising=False)
    with joined() as world:
        assert world is ALONE
    good = {"RANK": "0", "WORLD_SIZE": "1", "LOCAL_RANK": "0", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "1"}
    for name, value in good.items():
        monkeypatch.setenv(name, value)
    with joined() as world:
        assert world is ALONE
    x = torch.arange(3.0)
    assert torch.equal(ALONE.total(x), x)
    assert torch.equal(ALONE.gathered(x), x[None])
    assert ALONE.same({"a": 1}, {"p": {"x": x}})[1]["p"]["x"] is x


class Chunked:
    """Four chunks, whichever part."""

    def evaluation(self, part, size):
        return iter("abcd")


class Reading(Chunked):
    """Its files are read chunk by chunk."""

    def dealt(self, part, size, rank, world):
        self.read = list("abcd")[rank::world]
        return iter(self.read)


@pytest.mark.parametrize("kind", [Chunked, Reading])
def test_each_chunk_is_dealt_once(kind):
    for size in (1, 2, 3, 5):
        dealt = [list(World(rank, size).dealt(kind(), "test", 9)) for rank in range(size)]
        assert sorted(chunk for chunks in dealt for chunk in chunks) == list(enumerate("abcd"))
        assert [chunks[0][0] for chunks in dealt if chunks] == list(range(min(size, 4)))


def test_files_of_other_processes_are_not_read(tmp_path, write_images, monkeypatch):
    folder = write_images(tmp_path / "images", n=5, size=40)
    (folder / "test").rename(folder / "val")
    for split in ("train", "val"):
        Image.new("RGB", (50, 40)).save(folder / split / "ant" / "wide.png")
    settings = Config(data=f"imagenet:{folder}", validation=0.0, batch_size=4, loaders=0)
    whole, read = list(load(settings).evaluation("test", 2)), []
    monkeypatch.setattr("deep.stream.content_of", lambda path: read.append(path) or Path(path).read_bytes())
    for rank in (0, 1):
        read.clear()
        for i, (images, labels) in World(rank, 2).dealt(load(settings, (rank, 2)), "test", 2):
            assert i % 2 == rank
            assert torch.equal(images, whole[i][0])
            assert torch.equal(labels, whole[i][1])
        assert len(read) == sum(len(y) for _, y in whole[rank::2])


def test_data_that_are_not_shared_are_refused():
    World(1, 2).require_share(24, 48)
    ALONE.require_share(20, 48)
    with pytest.raises(ValueError, match="Process 1 of 2 has 48 images of a batch of 48: its data are not shared"):
        World(1, 2).require_share(48, 48)
