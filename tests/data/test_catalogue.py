"""Named sets: the real files where there are some, downloads from a server on this machine."""

import gzip
import hashlib
import http.server
import socket
import struct
import threading

import numpy as np
import pytest

from diabolo.data import catalogue
from diabolo.data.catalogue import File, NamedSet, load
from diabolo.data.sources import open_dataset

IMAGES = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)
LABELS = np.array([7, 2], np.uint8)


def idx(array):
    header = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return gzip.compress(header + array.tobytes())


CONTENT = {"images.gz": idx(IMAGES), "labels.gz": idx(LABELS)}


@pytest.fixture
def tiny(monkeypatch, tmp_path):
    """A named set of two images; no data directory, an empty cache."""
    files = {
        ("train", name.removesuffix(".gz")): File(
            name, len(content), hashlib.sha256(content).hexdigest()
        )
        for name, content in CONTENT.items()
    }
    monkeypatch.setitem(catalogue._DOWNLOADED, "tiny", NamedSet("tiny", files, (), "none"))
    monkeypatch.delenv("DIABOLO_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("no_proxy", "*")
    return tmp_path / "cache" / "diabolo" / "tiny"


@pytest.fixture
def serve():
    """serve(content by file name) → address of a server that answers with it."""
    servers = []

    class Server(http.server.ThreadingHTTPServer):
        def handle_error(self, *_):  # a client that has read enough
            pass

    def start(content):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                body = content.get(self.path.removeprefix("/"))
                self.send_response(200 if body is not None else 404)
                self.end_headers()
                self.wfile.write(body or b"")

            def log_message(self, *_):
                pass

        server = Server(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        servers.append((server, thread))
        return f"http://127.0.0.1:{server.server_port}/"

    yield start
    for server, thread in servers:
        server.shutdown()
        thread.join()
        server.server_close()


def test_downloads_into_the_cache_and_then_needs_no_network(tiny, serve):
    images, labels = load("tiny", mirrors=(serve(CONTENT),))
    np.testing.assert_array_equal(images, IMAGES)
    assert labels.tolist() == [7, 2]
    assert {path.name for path in tiny.iterdir()} == set(CONTENT)
    again, _ = load("tiny", mirrors=())
    np.testing.assert_array_equal(again, IMAGES)


def test_the_next_mirror_is_asked_when_one_fails(tiny, serve):
    changed = {"images.gz": CONTENT["images.gz"][:-1] + b"!"}
    mirrors = (serve({}), serve(changed), serve(CONTENT))
    np.testing.assert_array_equal(load("tiny", mirrors=mirrors)[0], IMAGES)


@pytest.mark.parametrize(
    "content",
    [b"", CONTENT["labels.gz"], CONTENT["images.gz"] + b"more"],
    ids=["empty", "another file", "too long"],
)
def test_a_wrong_checksum_is_never_used_and_never_kept(tiny, serve, content):
    with pytest.raises(ConnectionError, match="another SHA-256 than the published file"):
        load("tiny", mirrors=(serve(CONTENT | {"images.gz": content}),))
    assert not tiny.exists()


def test_no_more_is_read_than_the_file_is_long(tiny, serve, monkeypatch):
    read = []
    honest = catalogue.hashlib.sha256
    monkeypatch.setattr(
        catalogue.hashlib, "sha256", lambda content: read.append(len(content)) or honest(content)
    )
    with pytest.raises(ConnectionError):
        load("tiny", mirrors=(serve({"images.gz": bytes(10**7)}),))
    assert read == [len(CONTENT["images.gz"]) + 1]


def test_no_network_is_one_sentence_that_says_where_to_put_the_file(tiny):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{unused.getsockname()[1]}/"
    with pytest.raises(ConnectionError) as caught:
        load("tiny", mirrors=(address,))
    assert "images.gz of tiny is not on this machine and could not be downloaded" in str(
        caught.value
    )
    assert str(tiny) in str(caught.value)
    assert "DIABOLO_DATA" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_data_directory_comes_before_the_cache(tiny, monkeypatch, tmp_path):
    folder = tmp_path / "mine"
    (folder / "tiny").mkdir(parents=True)
    for name, content in CONTENT.items():
        (folder / "tiny" / name).write_bytes(content)
    monkeypatch.setenv("DIABOLO_DATA", str(folder))
    np.testing.assert_array_equal(load("tiny", mirrors=())[0], IMAGES)


def test_a_changed_file_on_this_machine_is_refused(tiny):
    tiny.mkdir(parents=True)
    (tiny / "images.gz").write_bytes(CONTENT["labels.gz"])
    with pytest.raises(ValueError, match="is not the published images.gz: its SHA-256 is"):
        load("tiny")


def test_unknown_names_get_a_guess():
    with pytest.raises(ValueError, match="did you mean 'fashion-mnist'"):
        load("fashion_mnist")
    with pytest.raises(ValueError, match="Known are 'train' and 'test'"):
        load("mnist", "validation")


def test_digits_are_those_of_scikit_learn():
    from sklearn.datasets import load_digits

    dataset = open_dataset("digits")
    assert dataset.shape == (8, 8)
    np.testing.assert_array_equal(dataset.rows.array.reshape(-1, 64), load_digits().data)
    np.testing.assert_array_equal(dataset.labels, load_digits().target)


# Counts per class as published.
COUNTS = {
    ("mnist", "train"): [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949],
    ("mnist", "test"): [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009],
    ("fashion-mnist", "test"): [1000] * 10,
}


@pytest.mark.parametrize(("name", "split"), COUNTS)
def test_real_sets_have_the_published_counts(data_directory, name, split):
    dataset = open_dataset(name, split=split)
    assert dataset.shape == (28, 28)
    assert dataset.rows.dtype == np.uint8
    assert np.bincount(dataset.labels).tolist() == COUNTS[name, split]


def test_a_folder_of_idx_files_is_the_same_set(data_directory):
    by_name = open_dataset("mnist", split="test")
    by_path = open_dataset(data_directory / "mnist", split="test")
    np.testing.assert_array_equal(by_path.rows.array, by_name.rows.array)
    np.testing.assert_array_equal(by_path.labels, by_name.labels)


def test_at_hand_means_without_the_network(tiny, monkeypatch):
    monkeypatch.setattr(catalogue, "NAMES", (*catalogue.NAMES, "tiny"))
    assert catalogue.is_at_hand("digits")
    assert not catalogue.is_at_hand("tiny")
    assert not catalogue.is_at_hand("no such set")
    tiny.mkdir(parents=True)
    for name, content in CONTENT.items():
        (tiny / name).write_bytes(content)
    assert catalogue.is_at_hand("tiny")
