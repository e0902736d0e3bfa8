"""`diabolo VERB …`: finds the verb, and turns whatever goes wrong into one sentence.

Results go to standard output; progress, warnings and errors to standard error. Exit codes: 0 fine,
1 the input or the machine did not allow it, 2 the command line is wrong, 130 stopped by Ctrl-C.
With DIABOLO_DEBUG=1 errors come with their traceback.
"""

from __future__ import annotations

import os
import re
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NoReturn

from diabolo import __version__
from diabolo.cli.usage import UsageError

if TYPE_CHECKING:
    from cyclopts import App

# Each lives in the module of its name, which is imported when it is called.
VERBS = {
    "train": "learn an autoencoder from data, save it as one file",
    "auto": "pick a model for data within a budget of time",
    "encode": "write the codes of data",
    "reconstruct": "write what a model makes of data",
    "generate": "make new rows that look like the training data",
    "edit": "change rows by way of their codes, measure what that does",
    "denoise": "remove noise from images, or from one picture of any size",
    "cluster": "find kinds of rows that nobody named",
    "detect": "flag rows that are unlike the others, and say why",
    "map": "lay rows out in the plane, neighbours together",
    "classify": "name the class of rows, from a few labels and many rows without",
    "impute": "fill the missing cells of a table, or draw them",
    "evaluate": "measure a model on data, beside PCA",
    "check": "say whether a model earned its keep, and what is wrong with it",
    "inspect": "show what a model file holds",
    "compress": "make files smaller: without loss, within a bound, photographs",
    "decompress": "write compressed files back, exactly",
    "gallery": "train every family, make one page of pictures",
    "reproduce": "run a paper's experiment again, say whether its figure came out",
    "verify": "check a model file, or the mathematics of this installation",
}
ABOUT = "Every kind of autoencoder from one composition."
EXAMPLES = """\
diabolo train digits --model denoising -o digits.safetensors
diabolo encode digits.safetensors digits -o codes.parquet
diabolo evaluate digits.safetensors digits"""


def main() -> NoReturn:
    """Entry point of the command `diabolo`."""
    sys.exit(run(sys.argv[1:]))


def run(tokens: Sequence[str]) -> int:
    """Carry out a command line; the exit code."""
    if list(tokens) in ([], ["-h"], ["--help"]):
        print(overview())
        return 0
    if list(tokens) == ["--version"]:
        print(__version__)
        return 0
    try:
        with _plain_warnings():
            return _guarded(tokens)
    except KeyboardInterrupt:
        return _complain("interrupted; nothing was written", 130)


def overview() -> str:
    """What `diabolo --help` shows. By hand: the parser takes ten times as long to import."""
    verbs = [f"  {verb:<12} {about}" for verb, about in VERBS.items()]
    examples = [f"  {line}" for line in EXAMPLES.splitlines()]
    return "\n".join(
        [
            f"diabolo {__version__}: {ABOUT}",
            "",
            "usage: diabolo VERB …        diabolo VERB --help tells more",
            "",
            *verbs,
            "",
            *examples,
        ]
    )


def app() -> App:
    """The parser; a verb's module is imported when it is called."""
    from cyclopts import App

    parser = App(
        "diabolo",
        help=ABOUT,
        help_format="plaintext",
        result_action="return_value",
        suppress_keyboard_interrupt=False,
    )
    for verb, about in VERBS.items():
        parser.command(f"diabolo.cli.{verb}:{verb}", name=verb, help=f"{about.capitalize()}.")
    return parser


def _guarded(tokens: Sequence[str]) -> int:
    from cyclopts import CycloptsError

    try:
        result = app()(tokens, exit_on_error=False, print_error=False)
        sys.stdout.flush()
        return int(result or 0)
    except BrokenPipeError:
        # the reader, such as `head`, has had enough; Python would complain once more at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (CycloptsError, UsageError) as error:
        return _complain(f"error: {_sentence(error)} See diabolo {_verb(tokens)}--help.", 2, error)
    except (ValueError, OSError, FloatingPointError, ImportError, MemoryError) as error:
        return _complain(f"error: {_sentence(error)}", 1, error)


def _complain(text: str, code: int, error: Exception | None = None) -> int:
    if error and os.environ.get("DIABOLO_DEBUG", "0") != "0":
        raise error
    print(text, file=sys.stderr)
    return code


def _verb(tokens: Sequence[str]) -> str:
    return f"{tokens[0]} " if tokens[0] in VERBS else ""


def _sentence(error: Exception) -> str:
    """The message in one line, with a full stop and without error numbers."""
    text = re.sub(r'^Command "\w+" parameter ', "", str(error))  # the parser's way to begin
    if isinstance(error, OSError) and error.strerror:
        text = error.strerror
        if error.filename is not None:
            text = f"{error.filename}: {text.lower()}"
    if isinstance(error, MemoryError):
        text = f"out of memory: {text}" if text else "out of memory"
    text = " ".join(text.split())
    return text if text.endswith((".", "!", "?")) else f"{text}."


@contextmanager
def _plain_warnings() -> Iterator[None]:
    """Warnings meant for users appear once each, as one line."""
    with warnings.catch_warnings():
        warnings.simplefilter("default", UserWarning)
        warnings.showwarning = _show_warning
        yield


def _show_warning(message: Warning | str, *_: Any, **__: Any) -> None:
    print(f"warning: {' '.join(str(message).split())}", file=sys.stderr)
