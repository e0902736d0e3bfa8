"""The arithmetic of one training step, with as little around it as possible.

A step is *forward, backward, update*. Here are the plain forms that everything else is held to:

    flat = FlatParameters(objective)            # all parameters are views of one vector
    step = EagerStep(objective, flat)           # fills flat.gradient, returns the loss terms
    adam = FusedAdamW(flat, lr=1e-3)            # one call updates the whole vector
    for batch in batches:
        terms = step(batch, clock, generator)
        adam.step()

Flat vectors turn the update of any network into a single call, make copies of all weights one copy,
and give a replayed step (`diabolo.engine.replay`) a place where every gradient belongs.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Protocol

import torch
from torch import Tensor, nn
from torch.optim.adamw import adamw

from diabolo.engine.precision import products_in

if TYPE_CHECKING:
    from diabolo.data.batches import Batch

BUFFER = "buffer/"  # terms under this prefix are new values of the objective's buffers

# Every parameter begins at a multiple of this: MKL's products depend, in speed and in the last
# bit, on how their operands are aligned, and torch's own tensors are aligned like this.
ALIGNMENT = 64  # bytes

# torch cuts sums over more than SERIAL numbers (at::internal::GRAIN_SIZE) into a part a thread, so
# that the last bit depends on the threads. A longer norm is the norm of norms of PIECE numbers.
SERIAL = 32768
PIECE = 1024


def bare() -> Any:
    """Inside, operations are nothing but arithmetic: torch.inference_mode() in 0.6, not 1.5 µs.

    What is made inside is not for use outside, except by copy.
    """
    return torch._C._InferenceMode(True)


class FlatParameters:
    """Parameters of a module moved into one vector, their gradients into another.

    The parameters stay where they were in the module, now as views: the module can be called,
    copied, listed and saved as before. Between them the vectors hold a few zeros (ALIGNMENT).

    module : what is trained.
    names  : which of its parameters, as in `module.named_parameters()`; by default all that
             require a gradient. Two names of one tied parameter count once, under the first.
    into   : pair of 1-d tensors (vector, gradient) to use instead of new ones, so that several
             modules can share one matrix; `room(parameters)` says how long they must be.

    vector, gradient : (size,) tensors, padding included.
    names, shapes    : of the parameters, in order.
    slices           : where each lies in the vectors.
    """

    def __init__(
        self,
        module: nn.Module,
        names: Iterable[str] | None = None,
        *,
        into: tuple[Tensor, Tensor] | None = None,
    ) -> None:
        chosen = _chosen(module, names)
        self.names: tuple[str, ...] = tuple(chosen)
        self.parameters: tuple[nn.Parameter, ...] = tuple(chosen.values())
        self.shapes: tuple[torch.Size, ...] = tuple(p.shape for p in self.parameters)
        self.slices: tuple[slice, ...] = tuple(_slices(self.parameters))
        size, like = room(self.parameters), self.parameters[0].detach()
        self.vector, self.gradient = into or (like.new_zeros(size), like.new_zeros(size))
        self.gradients: tuple[Tensor, ...] = tuple(self.views(self.gradient).values())
        with torch.no_grad():
            for parameter, view in zip(
                self.parameters, self.views(self.vector).values(), strict=True
            ):
                view.copy_(parameter)
                parameter.data = view
        self.attach()

    def views(self, vector: Tensor) -> dict[str, Tensor]:
        """Any vector laid out as ours (a gradient, Adam's moments), seen parameter by parameter."""
        return {
            name: vector[place].view(shape)
            for name, place, shape in zip(self.names, self.slices, self.shapes, strict=True)
        }

    def attach(self) -> None:
        """Let every parameter's `.grad` be its part of the flat gradient (again)."""
        for parameter, gradient in zip(self.parameters, self.gradients, strict=True):
            if parameter.grad is not gradient:
                parameter.grad = gradient

    def release(self) -> None:
        """Give every parameter memory of its own and no gradient.

        For the end of training: pickling a view writes the whole vector, once a parameter.
        """
        for parameter in self.parameters:
            parameter.data = parameter.detach().clone()
            parameter.grad = None


def room(parameters: Iterable[Tensor]) -> int:
    """Length of a flat vector for these parameters, the last one's padding included."""
    return sum(_padded(parameter) for parameter in parameters)


def _slices(parameters: Iterable[Tensor]) -> Iterable[slice]:
    start = 0
    for parameter in parameters:
        yield slice(start, start + parameter.numel())
        start += _padded(parameter)


def _padded(parameter: Tensor) -> int:
    unit = ALIGNMENT // parameter.element_size()
    return math.ceil(parameter.numel() / unit) * unit


def _chosen(module: nn.Module, names: Iterable[str] | None) -> dict[str, nn.Parameter]:
    """Parameters by name, each once, or one sentence on why they cannot be flattened."""
    known = dict(module.named_parameters(remove_duplicate=False))
    if names is None:
        names = [name for name, parameter in known.items() if parameter.requires_grad]
    chosen: dict[str, nn.Parameter] = {}
    for name in names:
        if name not in known:
            raise ValueError(
                f"{type(module).__name__} has no parameter {name!r}; it has "
                f"{', '.join(known) or 'none at all'}."
            )
        if not any(known[name] is other for other in chosen.values()):
            chosen[name] = known[name]
    if not chosen:
        raise ValueError(f"{type(module).__name__} has no parameter to train.")
    kinds = {(parameter.dtype, parameter.device) for parameter in chosen.values()}
    if len(kinds) > 1:
        found = " and ".join(sorted(f"{dtype} on {device}" for dtype, device in kinds))
        raise ValueError(
            f"Parameters trained together must be of one type on one device, but "
            f"{type(module).__name__} has {found}. Convert it first, with module.to(...)."
        )
    return chosen


class Vectors(Protocol):
    """What an optimiser has to know of parameters: `FlatParameters`, or those of many models."""

    vector: Tensor
    gradient: Tensor


class FusedAdamW:
    """AdamW (Loshchilov & Hutter 2019) over a flat vector, as one call of torch's fused kernel.

    Fused is 4 times faster than torch's default on CPU (docs/performance.md). Equal bit for bit to
    `torch.optim.AdamW([flat.vector], fused=True)`.

    lr           : learning rate of steps that name none.
    betas, eps   : decay of the two moments, and what is added to the denominator.
    weight_decay : fraction of lr by which every weight shrinks a step; 0 is plain Adam.
    clip         : longest Euclidean norm that the gradient may have; longer ones are scaled down.
    parts        : equal pieces of the vector that are models of their own, each clipped alone.
    """

    def __init__(
        self,
        flat: Vectors,
        lr: float = 1e-3,
        *,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.01,
        clip: float | None = None,
        parts: int = 1,
    ) -> None:
        self.vector, self.gradient = flat.vector, flat.gradient
        self._parts = self.gradient.view(parts, -1)
        self.lr, self.betas, self.eps = lr, betas, eps
        self.weight_decay, self.clip = weight_decay, clip
        self.moments = torch.zeros_like(self.vector), torch.zeros_like(self.vector)
        self.count = torch.zeros((), dtype=torch.float32, device=self.vector.device)
        self._one = torch.ones_like(self.count)
        self._update = _fused if hasattr(torch, "_fused_adamw_") else _plain
        whole = self.gradient.numel() // PIECE * PIECE
        self._pieces = self.gradient[:whole].view(-1, PIECE), self.gradient[whole:]

    def step(self, lr: float | Tensor | None = None) -> None:
        """Update the vector from its gradient."""
        with bare():
            self.count.add_(self._one)
            self._update(self, self.lr if lr is None else lr, self._scale())

    def _scale(self) -> Tensor | None:
        """What the kernel has to divide the gradient by, on its way through it."""
        if self.clip is None:
            return None
        if len(self._parts) > 1:
            self._clip_each(self.clip)
            return None
        excess = float(self.norm()) / self.clip
        return torch.full_like(self.count, excess) if excess > 1 else None

    def _clip_each(self, clip: float) -> None:
        """The kernel divides all by one number, so models are scaled before it."""
        excess = torch.linalg.vector_norm(self._parts, dim=1, keepdim=True) / clip
        if float(excess.max()) > 1:
            self._parts.div_(excess.clamp(min=1.0))

    def norm(self) -> Tensor:
        """Euclidean norm of the gradient, (); the same bits on any number of threads."""
        if self.gradient.numel() <= SERIAL:
            return torch.linalg.vector_norm(self.gradient)
        pieces, rest = self._pieces
        norms = torch.linalg.vector_norm(pieces, dim=1)
        return torch.hypot(torch.linalg.vector_norm(norms), torch.linalg.vector_norm(rest))

    def state(self) -> dict[str, Tensor]:
        """Copies of all that the next step depends on, besides vector and gradient."""
        first, second = self.moments
        return {"first": first.clone(), "second": second.clone(), "count": self.count.clone()}

    def load(self, state: dict[str, Tensor]) -> None:
        """Go on exactly where `state()` was taken."""
        own = {"first": self.moments[0], "second": self.moments[1], "count": self.count}
        for name, tensor in own.items():
            if name not in state or state[name].shape != tensor.shape:
                raise ValueError(
                    f"This optimiser's {name!r} has shape {tuple(tensor.shape)}, the state to load "
                    f"has {tuple(state[name].shape) if name in state else 'none'}: it belongs to "
                    "another network."
                )
        for name, tensor in own.items():
            tensor.copy_(state[name])


def _fused(adam: FusedAdamW, lr: Any, scale: Tensor | None) -> None:
    torch._fused_adamw_(
        [adam.vector],
        [adam.gradient],
        [adam.moments[0]],
        [adam.moments[1]],
        [],
        [adam.count],
        lr=lr,
        beta1=adam.betas[0],
        beta2=adam.betas[1],
        weight_decay=adam.weight_decay,
        eps=adam.eps,
        amsgrad=False,
        maximize=False,
        grad_scale=scale,
    )


def _plain(adam: FusedAdamW, lr: Any, scale: Tensor | None) -> None:
    """The same by torch's documented parts, for a torch without the fused kernel."""
    if scale is not None:
        adam.gradient.div_(scale)
    adam.count.sub_(1)  # this one counts for itself
    adamw(
        [adam.vector],
        [adam.gradient],
        [adam.moments[0]],
        [adam.moments[1]],
        [],
        [adam.count],
        foreach=False,
        amsgrad=False,
        beta1=adam.betas[0],
        beta2=adam.betas[1],
        lr=lr,
        weight_decay=adam.weight_decay,
        eps=adam.eps,
        maximize=False,
    )


class EagerStep:
    """Loss and gradient by torch's own autograd: the reference for every faster form.

    objective : `objective(batch, clock, generator)` returns 0-d terms by name; "loss" is minimised.
    flat      : where the gradient goes; parameters that the loss does not depend on get 0.
    precision : of products with weights, see `diabolo.engine.precision`.

    Parameters outside `flat` get no gradient and are not touched.
    """

    reason: str | None = "asked for"

    def __init__(
        self, objective: nn.Module, flat: FlatParameters, precision: str = "float32"
    ) -> None:
        self.objective, self.flat, self.precision = objective, flat, precision

    def __call__(
        self, batch: Batch, clock: Tensor, generator: torch.Generator | None = None
    ) -> dict[str, Tensor]:
        """Fill `flat.gradient` and return the detached terms."""
        self.flat.attach()
        self.flat.gradient.zero_()
        terms = self.forward(batch, clock, generator)
        # Into zeroed views rather than out of autograd.grad: each piece is added while it is still
        # in the cache (15.1 against 16.6 ms on 784-1000-500-250-30 mirrored, batch 128).
        terms["loss"].backward(inputs=self.flat.parameters)
        return {name: term.detach() for name, term in terms.items()}

    @property
    def eager(self) -> EagerStep:
        """Itself: other forms of step name here what they are held to."""
        return self

    def forward(
        self, batch: Batch, clock: Tensor, generator: torch.Generator | None
    ) -> dict[str, Tensor]:
        """The terms, with their graph."""
        with products_in(self.precision):
            return self.objective(batch, clock, generator)
