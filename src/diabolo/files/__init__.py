"""What is written to the disk, and read from it: whole, or refused in one sentence."""

from diabolo.files.atomic import DamagedFileError, check_writable, write_atomically
from diabolo.files.sealed import read_header, read_sealed, seal, write_sealed

__all__ = [
    "DamagedFileError",
    "check_writable",
    "read_header",
    "read_sealed",
    "seal",
    "write_atomically",
    "write_sealed",
]
