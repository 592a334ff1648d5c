"""Input spikes: rates and keys of images, recordings through tonic, CIFAR-10, and files that are wrong."""

from __future__ import annotations

import io
import shutil
import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lavaprune.deep.cifar10 import load_cifar10
from lavaprune.deep.data import Images, load_deep_dataset
from lavaprune.errors import InputError


def test_rates_of_spikes() -> None:
    pixels = np.array([0, 1, 64, 128, 255], np.uint8).reshape(1, 5, 1, 1).repeat(40, axis=0)
    frames = Images(pixels, 500).frames(np.arange(40), (1,))
    assert frames.shape == (500, 40, 5, 1, 1)
    assert frames.dtype == np.uint8
    shares = frames.mean(axis=(0, 1)).ravel()
    assert shares[0] == 0.0
    assert shares == pytest.approx(np.array([0, 1, 64, 128, 255]) / 255, abs=4 * 0.5 / 20_000**0.5)


def test_spikes_are_a_function_of_key_and_place() -> None:
    images = Images(np.random.default_rng(0).integers(0, 256, (9, 4, 4, 3)).astype(np.uint8), 7)
    whole = images.frames(np.arange(9), (1, 2))
    assert np.array_equal(whole, images.frames(np.arange(9), (1, 2)))
    assert np.array_equal(whole[:, :4], images.frames(np.arange(4), (1, 2)))
    assert not np.array_equal(whole, images.frames(np.arange(9), (1, 3)))
    assert np.array_equal(images.cut(slice(2, 5)).pixels, images.pixels[2:5])


def event(x: int, y: int, polarity: int, time_us: int) -> bytes:
    return bytes([x, y, polarity << 7 | time_us >> 16, time_us >> 8 & 255, time_us & 255])


def write_nmnist(root: Path, recordings: dict[str, bytes]) -> None:
    for name, content in recordings.items():
        path = root / "NMNIST" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


GOOD = (
    event(1, 2, 1, 0)
    + event(32, 32, 0, 50_000)
    + event(0, 5, 1, 99_000)
    + event(1, 1, 0, 99_500)
    + event(9, 9, 0, 100_000)
)


def test_a_recording_by_hand(tmp_path: Path) -> None:
    """Two frames of 50 ms each. The outermost pixels of 34x34 are cut off; (1, 2) becomes (0, 1).

    tonic's last frame ends before the last event.
    """
    pytest.importorskip("tonic", reason="tonic is not installed: make setup-dl")
    write_nmnist(tmp_path, {"Train/7/00002.bin": GOOD, "Train/3/00001.bin": GOOD, "Test/5/00001.bin": GOOD})
    data = load_deep_dataset("nmnist", 2, tmp_path)
    assert data.train_labels.tolist() == [3, 7]  # by number
    assert data.test_labels.tolist() == [5]
    frames = data.train.frames(np.array([1]), ())
    assert frames.shape == (2, 1, 32, 32, 2)
    assert np.argwhere(frames[:, 0]).tolist() == [[0, 1, 0, 1], [1, 0, 0, 0], [1, 31, 31, 0]]


def test_recordings_in_archives(tmp_path: Path) -> None:
    pytest.importorskip("tonic", reason="tonic is not installed: make setup-dl")
    write_nmnist(tmp_path / "a", {"Train/7/00002.bin": GOOD, "Test/5/00001.bin": GOOD})
    (tmp_path / "b" / "NMNIST").mkdir(parents=True)
    for part in ("Train", "Test"):
        with tarfile.open(tmp_path / "b" / "NMNIST" / f"{part}.tar.gz", "w:gz") as archive:
            archive.add(tmp_path / "a" / "NMNIST" / part, part)
    assert (
        load_deep_dataset("nmnist", 3, tmp_path / "a").sha256()
        == load_deep_dataset("nmnist", 3, tmp_path / "b").sha256()
    )


def test_tonics_gesture_files(tmp_path: Path) -> None:
    pytest.importorskip("tonic", reason="tonic is not installed: make setup-dl")
    rows = np.array([[5, 6, 1, 0], [100, 7, 0, 900], [3, 3, 1, 1000]], np.int32)
    for part in ("ibmGestureTrain", "ibmGestureTest"):
        folder = tmp_path / "DVSGesture" / part / "user01_fluorescent"
        folder.mkdir(parents=True)
        np.save(folder / "4.npy", rows)
    data = load_deep_dataset("dvsgesture", 2, tmp_path)
    assert (data.shape, data.n_classes, data.test_is_train) == ((128, 128, 2), 11, False)
    assert data.train_labels.tolist() == [4]
    assert int(data.train.frames(np.array([0]), ()).sum()) == 2


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("Train/1/00001.bin", GOOD[:-2], "recording has 23 bytes; allowed: a multiple of 5"),
        ("Train/1/00001.bin", b"", "recording has 0 bytes"),
        ("Train/1/00001.bin", event(40, 1, 0, 0), "x of 1 events is 0 .. 40; allowed: 0 .. 33"),
        ("Train/1/00001.bin", GOOD[:5], "1 events last 0 us; allowed: 2 at least"),
        ("Train/1/00001.bin", event(1, 1, 0, 7) + event(1, 1, 0, 6), "2 events last -1 us"),
        ("Train/x/00001.bin", GOOD, "class is 'x'; allowed: 0 .. 9"),
        ("Train/1/readme.txt", b"", "holds no recordings"),
    ],
)
def test_wrong_recordings(name: str, content: bytes, message: str, tmp_path: Path) -> None:
    pytest.importorskip("tonic", reason="tonic is not installed: make setup-dl")
    write_nmnist(tmp_path, {name: content, "Test/5/00001.bin": GOOD})
    with pytest.raises(InputError, match=message.replace("(", r"\(")):
        load_deep_dataset("nmnist", 2, tmp_path)


def test_wrong_parts_and_archives(tmp_path: Path) -> None:
    pytest.importorskip("tonic", reason="tonic is not installed: make setup-dl")
    write_nmnist(tmp_path, {"Train/1/00001.bin": GOOD})
    with pytest.raises(InputError, match=r"Test: no such folder, nor Test.tar.gz"):
        load_deep_dataset("nmnist", 2, tmp_path)
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        archive.add(tmp_path / "NMNIST" / "Train", "Test")
    (tmp_path / "NMNIST" / "Test.tar.gz").write_bytes(stream.getvalue()[:60])  # cut short
    with pytest.raises(InputError, match="recordings cannot be read"):
        load_deep_dataset("nmnist", 2, tmp_path)
    folder = tmp_path / "DVSGesture" / "ibmGestureTrain" / "user01"
    folder.mkdir(parents=True)
    shutil.copytree(folder.parent, tmp_path / "DVSGesture" / "ibmGestureTest")
    (folder / "4.npy").write_bytes(b"\x93NUMPY")
    with pytest.raises(InputError, match="recording cannot be read"):
        load_deep_dataset("dvsgesture", 2, tmp_path)


def test_cifar10_binary(tmp_path: Path) -> None:
    folder = tmp_path / "cifar-10-batches-bin"
    folder.mkdir()
    record = np.zeros(3073, np.uint8)
    record[0], record[1], record[1 + 1024 + 33] = 7, 10, 20  # red at (0, 0), green at (1, 1)
    for name in [*(f"data_batch_{i}.bin" for i in range(1, 6)), "test_batch.bin"]:
        record.tofile(folder / name)
    pixels, labels, test, _ = load_cifar10(tmp_path)
    assert pixels.shape == (5, 32, 32, 3)
    assert labels.tolist() == [7] * 5
    assert (test[0, 0, 0].tolist(), test[0, 1, 1].tolist()) == ([10, 0, 0], [0, 20, 0])
    (folder / "data_batch_2.bin").write_bytes(record.tobytes()[:-1])
    with pytest.raises(InputError, match="has 3072 bytes; allowed: a multiple of 3073"):
        load_cifar10(tmp_path)


@pytest.mark.parametrize(
    ("n_images", "labels", "message"),
    [
        (501, np.full(501, 10), "classes are 10 .. 10; allowed: 0 .. 9"),
        (501, np.full(501, -1), "classes are -1 .. -1"),
        (500, np.zeros(500), "has 500 images"),
        (501, np.zeros(500), r"labels of shape \(500,\)"),
        (501, np.zeros((501, 2)), r"labels of shape \(501, 2\)"),
    ],
)
def test_first_images_of_cifar10_that_are_wrong(
    n_images: int, labels: np.ndarray, message: str, tmp_path: Path
) -> None:
    path = tmp_path / "CIFAR10" / "cifar10-first4000-lossless.npz"
    path.parent.mkdir()
    np.savez(path, images=np.zeros((n_images, 32, 32, 3), np.uint8), labels=labels)
    with pytest.raises(InputError, match=message):
        load_cifar10(tmp_path)


def test_first_images_of_cifar10_that_cannot_be_read(tmp_path: Path) -> None:
    path = tmp_path / "CIFAR10" / "cifar10-first4000-lossless.npz"
    path.parent.mkdir()
    with path.open("wb") as stream:
        np.save(stream, np.zeros(3))  # an array, no archive
    with pytest.raises(InputError, match="cannot be read"):
        load_cifar10(tmp_path)
    np.savez_compressed(path, images=np.arange(9999) % 251, labels=np.zeros(1))
    content = bytearray(path.read_bytes())
    content[60:160] = b"\xff" * 100  # inside of what is compressed
    path.write_bytes(content)
    with pytest.raises(InputError, match="cannot be read"):
        load_cifar10(tmp_path)


@pytest.mark.parametrize(
    ("name", "counts", "shape"),
    [
        ("nmnist", (1000, 100), (32, 32, 2)),
        ("dvsgesture", (10, 10), (128, 128, 2)),
        ("cifar10", (3500, 500), (32, 32, 3)),
        ("cifar10-jpeg", (50_000, 10_000), (32, 32, 3)),
    ],
)
def test_the_sets_there_are(data_dir: Path, name: str, counts: tuple[int, int], shape: tuple[int, int, int]) -> None:
    if not name.startswith("cifar10"):
        pytest.importorskip("tonic", reason="tonic is not installed: make setup-dl")
    folder = {"nmnist": "NMNIST", "dvsgesture": "DVSGesture"}.get(name, "CIFAR10")
    if not (data_dir / folder).is_dir():
        pytest.skip(f"LAVAPRUNE_DATA has no {folder}")
    data = load_deep_dataset(name, 8, data_dir)
    assert data.shape == shape
    if (len(data.train), len(data.test)) == counts:  # the subsets that the project is developed with
        frames = data.train.frames(np.arange(10), (0,))
        assert 0.005 < frames.mean() < 0.6
        assert len(set(data.train_labels[:30].tolist())) >= 8


def jpeg(colour: tuple[int, int, int], size: tuple[int, int] = (32, 32), mode: str = "RGB") -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", size, colour).convert(mode).save(stream, "JPEG", quality=95)
    return stream.getvalue()


def write_cifar10_jpeg(root: Path, part: str, images: dict[str, bytes]) -> Path:
    path = root / "CIFAR10" / f"cifar10-jpeg-{part}.tar.gz"
    path.parent.mkdir(exist_ok=True)
    with tarfile.open(path, "w:gz") as archive:
        for name, content in images.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def test_cifar10_as_jpeg(tmp_path: Path) -> None:
    """By number, then by class; a picture of one colour survives JPEG but for rounding."""
    images = {
        "train/truck/0000.jpg": jpeg((200, 10, 10)),
        "train/truck/0001.jpg": jpeg((10, 10, 200)),
        "train/airplane/0001.jpg": jpeg((10, 200, 10)),
        "train/readme.txt": b"no image",
    }
    write_cifar10_jpeg(tmp_path, "train", images)
    write_cifar10_jpeg(tmp_path, "test", {"test/cat/0000.jpg": jpeg((90, 80, 70))})
    data = load_deep_dataset("cifar10-jpeg", 4, tmp_path)
    assert data.train_labels.tolist() == [9, 0, 9]
    assert data.test_labels.tolist() == [3]
    assert (data.name, data.shape, data.n_classes, data.test_is_train) == ("cifar10-jpeg", (32, 32, 3), 10, False)
    assert isinstance(data.train, Images)
    assert isinstance(data.test, Images)
    assert data.train.pixels.dtype == np.uint8
    colours = np.array([[200, 10, 10], [10, 200, 10], [10, 10, 200]])
    assert np.abs(data.train.pixels.astype(int) - colours[:, None, None]).max() <= 3
    assert np.abs(data.test.pixels.astype(int) - [90, 80, 70]).max() <= 3


@pytest.mark.parametrize(
    ("images", "message"),
    [
        ({}, "holds no images; allowed: train/<class>/<number>.jpg"),
        ({"train/boat/0000.jpg": jpeg((0, 0, 0))}, r"boat/0000.jpg: class is 'boat'; allowed: airplane \| automobile"),
        ({"train/cat/0000.jpg": jpeg((0, 0, 0), (32, 16))}, r"cat/0000.jpg: image is \(32, 16\) RGB; allowed: \(32"),
        ({"train/cat/0000.jpg": jpeg((0, 0, 0), mode="L")}, r"image is \(32, 32\) L"),
        ({"train/cat/0000.jpg": b"GIF89a"}, "cat/0000.jpg: image cannot be read"),
        ({"train/cat/0000.jpg": jpeg((0, 9, 0))[:400]}, "cat/0000.jpg: image cannot be read"),
    ],
)
def test_jpegs_that_are_wrong(images: dict[str, bytes], message: str, tmp_path: Path) -> None:
    write_cifar10_jpeg(tmp_path, "train", images)
    with pytest.raises(InputError, match=message):
        load_deep_dataset("cifar10-jpeg", 4, tmp_path)


def test_a_jpeg_that_is_huge_or_a_link_to_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_cifar10_jpeg(tmp_path, "train", {"train/cat/0000.jpg": jpeg((0, 0, 0), (64, 64))})
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    with pytest.raises(InputError, match=r"cat/0000.jpg: image cannot be read"):
        load_deep_dataset("cifar10-jpeg", 4, tmp_path)
    with tarfile.open(path, "w:gz") as archive:
        member = tarfile.TarInfo("train/cat/0000.jpg")
        member.type, member.linkname = tarfile.LNKTYPE, "train/cat/0001.jpg"
        archive.addfile(member)
    with pytest.raises(InputError, match=r"cifar10-jpeg-train.tar.gz: images cannot be read"):
        load_deep_dataset("cifar10-jpeg", 4, tmp_path)


def test_jpeg_archives_that_are_missing_or_cut_short(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"has no CIFAR10/cifar10-jpeg-train.tar.gz; data set 'cifar10-jpeg' needs it"):
        load_deep_dataset("cifar10-jpeg", 4, tmp_path)
    path = write_cifar10_jpeg(tmp_path, "train", {f"train/cat/{i:04}.jpg": jpeg((i, 0, 0)) for i in range(9)})
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(InputError, match=r"cifar10-jpeg-train.tar.gz: images cannot be read"):
        load_deep_dataset("cifar10-jpeg", 4, tmp_path)
