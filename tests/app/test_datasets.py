"""Data sets: IDX files, checksums, downloads, the digits' split; what is wrong is an error of one line."""

from __future__ import annotations

import gzip
import hashlib
import struct
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from lavaprune.datasets import checksums, digits, download, loader
from lavaprune.datasets.checksums import CHECKSUMS, FILE_NAMES, FileSums, check_file, file_digest
from lavaprune.datasets.dataset import Dataset
from lavaprune.datasets.idx import read_idx
from lavaprune.datasets.loader import load_dataset
from lavaprune.errors import InputError


def idx_bytes(array: np.ndarray, kind: int = 0x08) -> bytes:
    """An IDX file, written from the format's description."""
    header = struct.pack(">HBB", 0, kind, array.ndim) + struct.pack(f">{array.ndim}I", *array.shape)
    return header + array.tobytes()


def write_set(
    folder: Path, packed: bool = False, n_train: int = 6, n_test: int = 4, side: int = 5
) -> dict[str, np.ndarray]:
    """A small set of IDX files in `folder`; returns its arrays by file name."""
    folder.mkdir(parents=True, exist_ok=True)
    arrays = {
        checksums.TRAIN_IMAGES: np.arange(n_train * side * (side + 1), dtype=np.uint8).reshape(n_train, side, side + 1),
        checksums.TRAIN_LABELS: (np.arange(n_train) % 3).astype(np.uint8),
        checksums.TEST_IMAGES: np.full((n_test, side, side + 1), 7, np.uint8),
        checksums.TEST_LABELS: (np.arange(n_test) % 2).astype(np.uint8),
    }
    for name, array in arrays.items():
        content = idx_bytes(array)
        if packed:
            (folder / f"{name}.gz").write_bytes(gzip.compress(content, mtime=0))
        else:
            (folder / name).write_bytes(content)
    return arrays


def sums_of(folder: Path) -> dict[str, FileSums]:
    """The checksums that a set written by `write_set(packed=True)` has."""
    return {
        name: FileSums(
            file_digest(folder / f"{name}.gz", "md5"),
            file_digest(folder / f"{name}.gz", "sha256"),
            hashlib.md5(gzip.decompress((folder / f"{name}.gz").read_bytes())).hexdigest(),
            (folder / f"{name}.gz").stat().st_size,
        )
        for name in FILE_NAMES
    }


def error_of(name: str, folder: Path | None) -> str:
    with pytest.raises(InputError) as caught:
        load_dataset(name, folder)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.fixture(autouse=True)
def _no_ambient_data(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, data_root: Path | None) -> None:
    """Nothing outside the test's own folders is read or written."""
    monkeypatch.delenv("LAVAPRUNE_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def data_root(request: pytest.FixtureRequest) -> Path | None:
    """The real data, looked up before the variable is taken away; None unless the test asks for `data_dir`."""
    return request.getfixturevalue("data_dir") if "data_dir" in request.fixturenames else None


# IDX files


@pytest.mark.parametrize("packed", [False, True])
def test_idx_round_trip(tmp_path: Path, packed: bool) -> None:
    array = np.arange(2 * 3 * 4, dtype=np.uint8).reshape(2, 3, 4)
    path = tmp_path / ("a.gz" if packed else "a")
    path.write_bytes(gzip.compress(idx_bytes(array)) if packed else idx_bytes(array))
    assert np.array_equal(read_idx(path, 3), array)


GOOD = idx_bytes(np.zeros((2, 3, 4), np.uint8))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "file length is 0 bytes; allowed: at least 16"),
        (GOOD[:3], "file length is 3 bytes"),
        (GOOD[:9], "header length is 9 bytes; allowed: 16"),
        (GOOD[:-1], "truncated"),
        (GOOD[:16], "truncated"),
        (GOOD + b"\0", "longer than the 24 bytes"),
        (b"\1" + GOOD[1:], "magic number is 0x01000803; allowed: 0x00000803"),
        (idx_bytes(np.zeros(5, np.uint8)), "magic number is 0x00000801; allowed: 0x00000803"),
        (idx_bytes(np.zeros((2, 3, 4), np.uint8), kind=0x0D), "magic number is 0x00000d03; allowed: 0x00000803"),
        (idx_bytes(np.zeros((0, 3, 4), np.uint8)), "size of dimension 0 is 0; allowed: at least 1"),
        (idx_bytes(np.zeros((2, 0, 4), np.uint8)), "size of dimension 1 is 0"),
        (b"\0\0\x08\x03" + b"\xff" * 12, "truncated"),  # claims 2**96 bytes
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_idx_refused(tmp_path: Path, content: bytes, message: str, packed: bool) -> None:
    path = tmp_path / ("bad.gz" if packed else "bad")
    path.write_bytes(gzip.compress(content) if packed else content)
    with pytest.raises(InputError) as caught:
        read_idx(path, 3)
    assert str(caught.value).startswith(f"{path}: ")
    assert message in str(caught.value)


def test_idx_gzip_refused(tmp_path: Path) -> None:
    array = np.random.default_rng(0).integers(0, 256, (20, 10, 10)).astype(np.uint8)
    packed = gzip.compress(idx_bytes(array))
    path = tmp_path / "a.gz"
    for content in (
        GOOD,
        packed[:-200],
        packed[:40],
        packed[:-4] + b"\0\0\0\0",
        packed[:60] + b"\xff" * 60 + packed[120:],
    ):
        path.write_bytes(content)
        with pytest.raises(InputError, match="gzip|truncated"):
            read_idx(path, 3)
    with pytest.raises(InputError, match="no such file"):
        read_idx(tmp_path / "none.gz", 3)
    with pytest.raises(InputError, match="cannot be read"):
        read_idx(tmp_path, 3)


# The user's own images


@pytest.mark.parametrize("packed", [False, True])
def test_own_images(tmp_path: Path, packed: bool) -> None:
    arrays = write_set(tmp_path, packed)
    data = load_dataset("idx", tmp_path)
    assert (data.name, data.shape, data.n_inputs, data.n_classes) == ("idx", (5, 6), 30, 3)
    assert np.array_equal(data.train_images, arrays[checksums.TRAIN_IMAGES].reshape(6, 30))
    assert np.array_equal(data.test_labels, arrays[checksums.TEST_LABELS])
    assert all(a.dtype == np.uint8 for a in (data.train_images, data.train_labels, data.test_images, data.test_labels))
    with pytest.raises(ValueError, match="read-only"):
        data.train_images[0, 0] = 1


def test_data_folder_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_set(tmp_path / "env")
    write_set(tmp_path / "option", n_train=3)
    monkeypatch.setenv("LAVAPRUNE_DATA", str(tmp_path / "env"))
    assert len(load_dataset("idx").train_images) == 6
    assert len(load_dataset("idx", tmp_path / "option").train_images) == 3


def test_own_images_refused(tmp_path: Path) -> None:
    assert "give --data-dir" in error_of("idx", None)
    assert "no such folder" in error_of("idx", tmp_path / "none")
    write_set(tmp_path)
    (tmp_path / checksums.TEST_LABELS).write_bytes(idx_bytes(np.zeros(5, np.uint8)))
    assert "number of labels is 5; allowed: 4" in error_of("idx", tmp_path)
    (tmp_path / checksums.TEST_IMAGES).write_bytes(idx_bytes(np.zeros((5, 6, 5), np.uint8)))
    assert "images are 6x5 pixels; allowed: 5x6" in error_of("idx", tmp_path)
    (tmp_path / checksums.TRAIN_LABELS).unlink()
    (tmp_path / checksums.TEST_IMAGES).unlink()
    assert f"{tmp_path / checksums.TRAIN_LABELS}: no such file" in error_of("idx", tmp_path)


def test_too_many_pixels_refused(tmp_path: Path) -> None:
    write_set(tmp_path)
    (tmp_path / checksums.TRAIN_IMAGES).write_bytes(idx_bytes(np.zeros((1, 257, 256), np.uint8)))
    assert "257x256 pixels; allowed: at most 65536" in error_of("idx", tmp_path)


def test_unknown_name() -> None:
    with pytest.raises(InputError, match="'cifar'; allowed: digits | mnist | fashion | idx"):
        load_dataset("cifar", Path("."))


# Parts of a data set


def small() -> Dataset:
    images = np.arange(8, dtype=np.uint8).reshape(4, 2)
    return Dataset("idx", images, np.zeros(4, np.uint8), images[:3].copy(), np.ones(3, np.uint8), (1, 2), 2)


def test_hold_out_takes_the_last_training_images() -> None:
    data = small()
    held = data.hold_out(1)
    assert np.array_equal(held.train_images, data.train_images[:3])
    assert np.array_equal(held.test_images, data.train_images[3:])
    assert np.array_equal(held.test_labels, data.train_labels[3:])
    assert data.hold_out(0) is data
    with pytest.raises(InputError, match="'validation_images' is 4; allowed: 0 .. 3"):
        data.hold_out(4)


def test_count() -> None:
    data = small()
    assert data.count("train_images", "all") == data.count("train_images", 4) == 4
    assert data.count("test_images", "all", "test") == 3
    with pytest.raises(InputError, match="setting 'test_images' is 4; allowed: 1 .. 3 or all"):
        data.count("test_images", 4, "test")


def test_counts_must_agree() -> None:
    images = np.zeros((4, 2), np.uint8)
    with pytest.raises(InputError, match="4 training images and 3 training labels"):
        Dataset("idx", images, np.zeros(3, np.uint8), images.copy(), np.zeros(4, np.uint8), (1, 2), 2)


def test_digest_tells_data_apart() -> None:
    data = small()
    assert data.sha256() == small().sha256()
    assert len({data.sha256(), data.hold_out(1).sha256(), data.hold_out(2).sha256()}) == 3


# The embedded digits


def test_digits() -> None:
    data = load_dataset("digits")
    assert (len(data.train_images), len(data.test_images), data.shape, data.n_classes) == (1500, 297, (8, 8), 10)
    assert data.train_images.max() == 255
    assert np.bincount(data.test_labels, minlength=10).min() >= 20  # no class is missing from the test part


def test_digits_split_is_a_fixed_permutation() -> None:
    order = digits.split_order()
    assert sorted(order) == list(range(1797))
    # By hand: the index with the smallest SHA-256 of its text comes first.
    texts = {hashlib.sha256(b"lavaprune digits %d" % index).hexdigest(): index for index in range(1797)}
    assert order[0] == texts[min(texts)]
    assert order[-1] == texts[max(texts)]


def test_digits_scale() -> None:
    scaled = digits.scale_pixels(np.arange(17.0))
    assert scaled.tolist() == [int(p * 255 / 16 + 0.5) for p in range(17)]


# Official files


@pytest.fixture
def official(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data root with small "official" files of MNIST."""
    raw = tmp_path / "data" / "MNIST" / "raw"
    write_set(raw, packed=True)
    monkeypatch.setitem(CHECKSUMS, "mnist", sums_of(raw))
    return raw


def test_packed_and_unpacked(official: Path) -> None:
    packed = load_dataset("mnist", official.parents[1])
    for name in FILE_NAMES:
        path = official / f"{name}.gz"
        (official / name).write_bytes(gzip.decompress(path.read_bytes()))
        path.unlink()
    assert load_dataset("mnist", official.parents[1]).sha256() == packed.sha256()
    content = bytearray((official / checksums.TRAIN_IMAGES).read_bytes())
    content[-1] ^= 1
    (official / checksums.TRAIN_IMAGES).write_bytes(content)
    assert "md5 is" in error_of("mnist", official.parents[1])


def test_checksum_differs(official: Path) -> None:
    path = official / f"{checksums.TEST_LABELS}.gz"
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes()), 1, mtime=7))  # same labels, other bytes
    text = error_of("mnist", official.parents[1])
    assert text.startswith(f"{path}: sha256 is {file_digest(path, 'sha256')}; allowed: ")


def test_missing_file_is_not_downloaded_into_a_given_folder(official: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loader, "download_file", None)  # calling it would be a TypeError
    path = official / f"{checksums.TEST_LABELS}.gz"
    path.unlink()
    assert error_of("mnist", official.parents[1]).startswith(f"{path}: no such file")


@pytest.mark.parametrize("name", ["mnist", "fashion"])
def test_real_files(data_dir: Path, name: str) -> None:
    data = load_dataset(name, data_dir)
    assert data.train_images.shape == (checksums.N_TRAIN, checksums.SIDE_PIXELS**2)
    assert data.test_images.shape == (checksums.N_TEST, checksums.SIDE_PIXELS**2)
    assert data.n_classes == 10
    if name == "fashion":  # balanced by design
        assert np.bincount(data.train_labels).tolist() == [6000] * 10
        assert data.train_images.mean() / 255 == pytest.approx(0.28604, abs=1e-5)  # as published
    else:
        assert np.bincount(data.train_labels)[:3].tolist() == [5923, 6742, 5958]  # as published
        assert data.train_images.mean() / 255 == pytest.approx(0.13066, abs=1e-5)


@pytest.mark.parametrize("name", ["mnist", "fashion"])
def test_all_sums_are_of_the_same_files(data_dir: Path, name: str) -> None:
    raw = data_dir / loader._FOLDERS[name]
    assert sums_of(raw) == CHECKSUMS[name]


# Downloads, from a server of our own


@pytest.fixture
def server(official: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Two local mirrors, of which the first has nothing; gives the second one's folder."""
    for variable in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(variable, raising=False)

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(official.parents[1])))
    thread = threading.Thread(target=http.serve_forever, daemon=True)
    thread.start()
    base = f"http://127.0.0.1:{http.server_port}"
    monkeypatch.setitem(download.MIRRORS, "mnist", (f"{base}/nothing/", f"{base}/MNIST/raw/"))
    yield official
    http.shutdown()
    http.server_close()
    thread.join()


def test_download_into_the_cache(server: Path, tmp_path: Path) -> None:
    data = load_dataset("mnist")
    assert data.sha256() == load_dataset("mnist", server.parents[1]).sha256()
    raw = tmp_path / "cache" / "lavaprune" / "MNIST" / "raw"
    assert sorted(p.name for p in raw.iterdir()) == sorted(f"{name}.gz" for name in FILE_NAMES)
    for path in server.iterdir():
        path.unlink()
    assert load_dataset("mnist").sha256() == data.sha256()  # from the cache, the mirrors are empty


@pytest.mark.parametrize("damage", [lambda b: b[:-1] + bytes([b[-1] ^ 1]), lambda b: b[:-1], lambda b: b + b"\0"])
def test_download_of_other_bytes_is_refused(server: Path, tmp_path: Path, damage: object) -> None:
    path = server / f"{checksums.TRAIN_IMAGES}.gz"
    path.write_bytes(damage(path.read_bytes()))  # type: ignore[operator]
    text = error_of("mnist", None)
    assert "could not be downloaded" in text
    assert "HTTP Error 404" in text  # the first mirror's reason
    assert "put the official file there" in text
    assert not list((tmp_path / "cache").rglob("*ubyte*"))


def test_no_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(download.MIRRORS, "mnist", ("http://127.0.0.1:9/",))
    for variable in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(variable, raising=False)
    text = error_of("mnist", None)
    assert str(tmp_path / "cache" / "lavaprune" / "MNIST" / "raw" / f"{checksums.TRAIN_IMAGES}.gz") in text
    assert "--data-dir" in text


def test_cache_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file where the folder should be")
    assert "cannot be downloaded" in error_of("fashion", None)


def test_mirrors_use_https() -> None:
    assert all(url.startswith("https://") and url.endswith("/") for urls in download.MIRRORS.values() for url in urls)


def test_relative_cache_variable_is_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "somewhere")
    assert loader.cache_folder() == Path.home() / ".cache" / "lavaprune"


def test_check_file_unreadable(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        check_file(tmp_path / "none.gz", CHECKSUMS["mnist"][checksums.TRAIN_IMAGES])
