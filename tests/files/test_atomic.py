"""Atomic writing: steps, faults, sentences, links, rights and strays."""

import errno
import os
import stat
import threading
from pathlib import Path

import numpy as np
import pytest

from diabolo.files import atomic, read_header, read_sealed, write_sealed
from diabolo.files.atomic import check_writable, write_atomically

OLD, NEW = b"old" * 1000, [b"new" * 1000, memoryview(np.arange(5.0)), b"", memoryview(b"end")]
NEW_BYTES = b"".join(bytes(chunk) for chunk in NEW)
TENSORS, HEADER = {"w": np.arange(6.0)}, {"names": ["höhe"]}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.safetensors"


def names(directory):
    return sorted(entry.name for entry in os.scandir(directory))


def test_writes_what_it_is_given_and_nothing_else(path):
    write_atomically(path, iter(NEW))
    assert path.read_bytes() == NEW_BYTES
    write_atomically(str(path), [b"short"])
    assert path.read_bytes() == b"short"
    assert names(path.parent) == [path.name]


def test_the_steps_come_in_the_order_that_survives_a_power_cut(path, monkeypatch):
    steps = []

    def note(name):
        real = getattr(os, name)

        def noted(*args, **kwargs):
            result = real(*args, **kwargs)
            if name == "open":
                step = "open directory" if args[0] == path.parent else "open file"
            elif name == "fsync":
                is_directory = stat.S_ISDIR(os.fstat(args[0]).st_mode)
                step = "fsync directory" if is_directory else "fsync file"
            else:
                step = name
            steps.append(step)
            return result

        monkeypatch.setattr(os, name, noted)

    for name in ("open", "write", "fsync", "replace"):
        note(name)
    write_atomically(path, [b"a", b"b"], verify=lambda _: steps.append("verify"))
    recipe = "open directory,open file,write,write,fsync file,verify,replace,fsync directory"
    assert ",".join(steps) == recipe


def test_verify_sees_the_whole_file_under_another_name(path):
    path.write_bytes(OLD)
    seen = []
    write_atomically(path, NEW, verify=lambda p: seen.append((p, p.read_bytes())))
    ((temporary, content),) = seen
    assert temporary.parent == path.parent
    assert temporary != path
    assert content == NEW_BYTES


class Stop(BaseException):
    pass


@pytest.mark.parametrize("kind", [RuntimeError, KeyboardInterrupt, Stop])
@pytest.mark.parametrize("where", ["chunks", "verify"])
def test_any_exception_leaves_the_old_file_and_nothing_else(path, kind, where):
    path.write_bytes(OLD)

    def chunks():
        yield b"new"
        if where == "chunks":
            raise kind

    def verify(_):
        raise kind

    with pytest.raises(kind):
        write_atomically(path, chunks(), verify if where == "verify" else None)
    assert path.read_bytes() == OLD
    assert names(path.parent) == [path.name]


@pytest.mark.parametrize("fault", [lambda n: n, lambda n: n - 1, lambda n: 1])
def test_a_disk_that_lies_is_found_by_reading_back(path, monkeypatch, fault):
    path.write_bytes(OLD)
    write = os.write

    def lie(descriptor, data):
        write(descriptor, bytes(data)[: fault(len(data)) - 1])  # one byte less than it says
        return fault(len(data))

    monkeypatch.setattr(os, "write", lie)
    with pytest.raises(OSError, match="input/output error; what was there before is untouched"):
        write_sealed(path, TENSORS, HEADER)
    assert path.read_bytes() == OLD
    assert names(path.parent) == [path.name]


def test_short_writes_are_continued(path, monkeypatch):
    write = os.write
    monkeypatch.setattr(os, "write", lambda d, data: write(d, data[: max(1, len(data) // 3)]))
    write_atomically(path, NEW)
    assert path.read_bytes() == NEW_BYTES


def test_a_disk_that_takes_nothing_ends_the_save(path, monkeypatch):
    monkeypatch.setattr(os, "write", lambda d, data: 0)
    with pytest.raises(OSError, match="input/output error"):
        write_atomically(path, NEW)
    assert not names(path.parent)


def test_a_failed_sync_of_the_directory_is_reported(path, monkeypatch):
    fsync = os.fsync

    def fail_for_directories(descriptor):
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(errno.EIO, "injected")
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", fail_for_directories)
    with pytest.raises(OSError, match="the new file is there, but a power cut could still undo it"):
        write_atomically(path, NEW)
    assert path.read_bytes() == NEW_BYTES


# Sentences of errors


def fail(number):
    def failing(*args, **kwargs):
        raise OSError(number, "injected")

    return failing


@pytest.mark.parametrize(
    ("number", "kind", "cause", "remedy"),
    [
        (errno.ENOSPC, OSError, "no space left on device", "Free some space, or choose another di"),
        (errno.EDQUOT, OSError, "disk quota exceeded", "Free some space"),
        (errno.EIO, OSError, "input/output error", "The disk may be failing"),
        (errno.EROFS, OSError, "read-only file system", "Choose a place that you may write to"),
        (errno.EACCES, PermissionError, "permission denied", "change its permissions"),
        (errno.EMFILE, OSError, "too many open files", "Try again, or choose another place"),
    ],
)
@pytest.mark.parametrize("call", ["open", "write", "fsync", "replace"])
def test_an_error_of_the_system_becomes_a_sentence(
    path, monkeypatch, call, number, kind, cause, remedy
):
    path.write_bytes(OLD)
    monkeypatch.setattr(os, call, fail(number))
    with pytest.raises(kind) as caught:
        write_atomically(path, NEW)
    monkeypatch.undo()
    assert caught.value.errno == number
    words = caught.value.strerror
    assert words.startswith(f"cannot save {path}: {cause}; what was there before is untouched. ")
    assert remedy in words
    assert path.read_bytes() == OLD
    assert names(path.parent) == [path.name]


IMPOSSIBLE = {
    # name: (path below the directory of the test, kind, words)
    "no directory": ("no/where", FileNotFoundError, "Create the directory first"),
    "a file as directory": ("file/model", NotADirectoryError, "whose parent is a directory"),
    "a directory": ("directory", IsADirectoryError, "is a directory; .* Add a file name"),
    "256 bytes": ("n" * 256, OSError, "file name too long; .* Choose a shorter name"),
    "128 letters of 2 bytes": ("ö" * 128, OSError, "Choose a shorter name"),
    "a pipe": ("pipe", OSError, "invalid argument; .* the name of an ordinary file"),
    "a circle of links": ("circle", OSError, "not a circle of links"),
    "a protected file": ("protected", PermissionError, "that you may write to"),
}


@pytest.mark.parametrize("save", [check_writable, lambda path: write_atomically(path, NEW)])
@pytest.mark.parametrize("name", IMPOSSIBLE)
def test_impossible_places_are_refused_early_and_late(tmp_path, monkeypatch, name, save):
    below, kind, words = IMPOSSIBLE[name]
    (tmp_path / "file").touch()
    (tmp_path / "directory").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "circle").symlink_to("circle")
    (tmp_path / "protected").write_bytes(OLD)
    (tmp_path / "protected").chmod(0o444)
    if os.geteuid() == 0:  # to whom everything is permitted
        monkeypatch.setattr(os, "access", lambda path, mode: Path(path).name != "protected")
    before = names(tmp_path)
    with pytest.raises(kind, match=words) as caught:
        save(tmp_path / below)
    assert caught.value.strerror.startswith(f"cannot save {tmp_path / below}: ")
    assert names(tmp_path) == before


def test_a_check_says_that_nothing_was_written(tmp_path):
    with pytest.raises(FileNotFoundError, match="no such file or directory; nothing was written. "):
        check_writable(tmp_path / "no" / "where")


def test_when_only_the_directory_fails_the_sentence_says_what_that_means(path, monkeypatch):
    fsync, calls = os.fsync, []

    def second_fails(descriptor):
        calls.append(descriptor)
        if len(calls) == 2:
            raise OSError(errno.EIO, "injected")
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", second_fails)
    with pytest.raises(OSError, match="a power cut could still undo it") as caught:
        write_atomically(path, NEW)
    assert caught.value.strerror.startswith(f"cannot save {path}: input/output error; the new file")
    assert path.read_bytes() == NEW_BYTES


def test_disks_without_locks_will_do(path, monkeypatch):
    def no_locks(*_):
        raise OSError(errno.ENOLCK, "injected")

    monkeypatch.setattr(atomic.fcntl, "flock", no_locks)
    write_atomically(path, NEW)
    assert path.read_bytes() == NEW_BYTES


def test_the_error_that_is_told_is_the_first_one(path, monkeypatch):
    """The disk is full, and then the temporary file cannot be removed either."""
    monkeypatch.setattr(os, "write", fail(errno.ENOSPC))
    monkeypatch.setattr(os, "unlink", fail(errno.EROFS))
    with pytest.raises(OSError, match="no space left"):
        write_atomically(path, NEW)


def test_a_directory_without_permission_is_refused(tmp_path):
    tmp_path.chmod(0o555)
    root = os.geteuid() == 0
    try:
        if root:
            os.seteuid(65534)
        for save in (check_writable, lambda path: write_atomically(path, NEW)):
            with pytest.raises(PermissionError, match="permission denied"):
                save(tmp_path / "model")
    finally:
        if root:
            os.seteuid(0)
        tmp_path.chmod(0o755)


@pytest.mark.parametrize(
    "name", ["n" * 255, "ö" * 127, "a\nb", " ", "モデル", os.fsdecode(b"\xff")]
)
def test_any_name_that_the_file_system_takes_can_be_used(tmp_path, name):
    check_writable(tmp_path / name)
    assert not names(tmp_path)
    write_sealed(tmp_path / name, TENSORS, HEADER)
    assert read_header(tmp_path / name) == HEADER
    assert names(tmp_path) == [name]


def test_checking_changes_nothing(path):
    path.write_bytes(OLD)
    before = os.stat(path)
    check_writable(path)
    assert os.stat(path) == before
    assert names(path.parent) == [path.name]


# Links, rights, strays


def test_a_link_stays_and_its_target_is_written(tmp_path):
    real, link = tmp_path / "elsewhere" / "real", tmp_path / "link"
    real.parent.mkdir()
    link.symlink_to(real)
    for content in (b"first", b"second"):
        write_atomically(link, [content])
        assert link.is_symlink()
        assert real.read_bytes() == content
    assert names(tmp_path) == ["elsewhere", "link"]
    assert names(real.parent) == ["real"]


def test_a_link_placed_at_the_temporary_name_is_not_followed(path, monkeypatch):
    victim = path.parent / "victim"
    victim.write_bytes(OLD)
    monkeypatch.setattr(atomic.secrets, "token_hex", lambda _: "0")
    temporary = f"{atomic._stray_prefix(path)}0.tmp"
    (path.parent / temporary).symlink_to(victim)
    with pytest.raises(FileExistsError):
        write_atomically(path, NEW)
    assert victim.read_bytes() == OLD


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664, 0o444])
def test_permissions_are_kept(path, mode):
    path.write_bytes(OLD)
    path.chmod(mode)
    seen = []
    if mode == 0o444 and os.geteuid() != 0:
        return  # refused, see above
    write_atomically(path, NEW, verify=lambda p: seen.append(p.stat().st_mode & 0o777))
    assert path.stat().st_mode & 0o777 == mode
    assert seen == [mode]


def test_a_new_file_has_the_permissions_of_any_new_file(path):
    (path.parent / "other").touch()
    write_atomically(path, NEW)
    assert path.stat().st_mode == (path.parent / "other").stat().st_mode


def stray(path, content=b"half"):
    left = path.parent / f"{atomic._stray_prefix(path)}0123456789abcdef.tmp"
    left.write_bytes(content)
    return left


def test_strays_of_dead_runs_are_removed(path):
    other = stray(path.parent / "other.safetensors")
    mine = stray(path)
    write_atomically(path, NEW)
    assert not mine.exists()
    assert other.exists()


def test_the_file_of_a_living_save_is_left_alone(path):
    """One save starts and ends while another is in the middle of its own."""

    def chunks():
        yield NEW_BYTES[:1000]
        write_atomically(path, [b"in between"])
        assert path.read_bytes() == b"in between"
        yield NEW_BYTES[1000:]

    write_atomically(path, chunks())
    assert path.read_bytes() == NEW_BYTES
    assert names(path.parent) == [path.name]


def test_many_savers_of_one_file(path):
    contents = [bytes([i]) * 10_000 for i in range(6)]
    errors, seen = [], set()

    def save(content):
        try:
            for _ in range(30):
                write_atomically(path, [content[:5000], content[5000:]])
                seen.add(path.read_bytes())
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=save, args=(content,)) for content in contents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert seen <= set(contents)
    assert names(path.parent) == [path.name]


def test_no_descriptor_is_left_open(path, monkeypatch):
    before = names("/proc/self/fd") if Path("/proc/self/fd").is_dir() else []
    for _ in range(3):
        write_sealed(path, TENSORS, HEADER)
        read_sealed(path)
        check_writable(path)
        stray(path)
    monkeypatch.setattr(os, "write", fail(errno.ENOSPC))
    with pytest.raises(OSError, match="no space"):
        write_sealed(path, TENSORS, HEADER)
    assert len(before) == len(names("/proc/self/fd") if before else [])


def test_a_secret_is_never_open_to_more_people_while_it_is_written(path, monkeypatch):
    path.write_bytes(OLD)
    path.chmod(0o600)
    modes, real = [], os.open

    def noted(name, flags, mode=0o777, **words):
        modes.extend([mode] * bool(flags & os.O_CREAT))
        return real(name, flags, mode, **words)

    monkeypatch.setattr(os, "open", noted)
    write_atomically(path, NEW)
    assert modes == [0o600]


def left_open(folder):
    """Descriptors of this process that lead to the folder or into it."""
    links = [Path("/proc/self/fd", number) for number in os.listdir("/proc/self/fd")]
    return [link for link in links if os.path.realpath(link).startswith(str(folder))]


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="descriptors are counted in /proc")
def test_rights_that_cannot_be_set_leave_nothing_behind(path, monkeypatch):
    path.write_bytes(OLD)
    monkeypatch.setattr(os, "fchmod", fail(errno.EPERM))
    with pytest.raises(PermissionError, match="change its permissions"):
        write_atomically(path, NEW)
    assert path.read_bytes() == OLD
    assert names(path.parent) == [path.name]
    assert not left_open(path.parent)


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="descriptors are counted in /proc")
def test_a_temporary_file_that_another_save_removes_is_made_anew(path, monkeypatch):
    real, removed = atomic.fcntl.flock, []

    def removing(descriptor, operation):
        if not removed:
            removed.extend(path.parent.glob(".diabolo-*"))
            removed[0].unlink()
        return real(descriptor, operation)

    monkeypatch.setattr(atomic.fcntl, "flock", removing)
    write_atomically(path, NEW)
    assert len(removed) == 1
    assert path.read_bytes() == NEW_BYTES
    assert not left_open(path.parent)


def test_a_directory_that_cannot_be_listed_keeps_its_strays(path, monkeypatch):
    monkeypatch.setattr(os, "scandir", fail(errno.EACCES))
    write_atomically(path, NEW)
    assert path.read_bytes() == NEW_BYTES


def test_what_closing_says_is_not_heard(path, monkeypatch):
    real = os.close

    def complaining(descriptor):
        real(descriptor)
        raise OSError(errno.EIO, "injected")

    monkeypatch.setattr(os, "close", complaining)
    write_atomically(path, NEW)
    assert path.read_bytes() == NEW_BYTES
