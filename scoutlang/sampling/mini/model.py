"""`mini`: a compact score model for MatterGen's DiffusionModule (≤ 20 atoms, conditioned on the
chemical system).

Every ordered pair of atoms of a crystal, the pair of an atom with itself included, is an edge. An
edge sees the fractional offset (Fourier features) and the periodic images within the cutoff (radial
and vector densities), so a step of message passing knows the whole periodic neighbourhood. The
outputs are what MatterGen's MaterialsLoss trains: −noise for fractional coordinates and lattice,
logits for the types.

Seen from the other end a pair has the same features, those that point along it with the other sign:
geometry is computed once per pair i ≤ j.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from mattergen.common.utils.globals import MAX_ATOMIC_NUM
from mattergen.denoiser import mask_disallowed_elements
from mattergen.diffusion.score_models.base import ScoreModel
from mattergen.property_embeddings import (
    ChemicalSystemMultiHotEmbedding,
    get_property_embeddings,
    get_use_unconditional_embedding,
)
from torch import Tensor, nn
from torch_geometric.utils import scatter

from scoutlang.sampling.mini.elements import FEATURES, element_features

CUTOFF = 6.0  # Å, of the radial and vector densities
RADIAL, VECTOR, FOURIER, TIME = 28, 8, 6, 32
EDGE = RADIAL + 3 * VECTOR + 6 * FOURIER
GEOMETRY = "mini_geometry"  # field of a prepared batch
# messages computed at a time on a CPU, so that what one operation leaves is still in the cache for
# the next
ROWS = 2048
CLASSES = MAX_ATOMIC_NUM + 1  # elements 1…100 and the mask state


def multi_hot(systems: list[str] | list[list[str]], device: torch.device) -> Tensor:
    """(B, MAX_ATOMIC_NUM + 1) 1 for the elements of each chemical system; those of a batch are
    mostly the same, and each is looked up once.
    """
    names = [
        tuple(system)
        for system in ChemicalSystemMultiHotEmbedding.convert_to_list_of_str(x=systems)
    ]
    rows = {name: row for row, name in enumerate(dict.fromkeys(names))}
    hot: Tensor = ChemicalSystemMultiHotEmbedding.sequences_to_multi_hot(
        x=list(map(list, rows)), device=device
    )
    return hot[torch.tensor([rows[name] for name in names], device=device)]


class SystemEmbedding(nn.Module):
    """Chemical system → vector: MatterGen's multi-hot embedding plus the mean physical features of
    its elements.
    """

    def __init__(self, hidden_dim: int) -> None:
        super().__init__()
        self.hidden_dim = hidden_dim
        self.multi_hot = ChemicalSystemMultiHotEmbedding(hidden_dim=hidden_dim)
        self.physical = nn.Linear(2 * FEATURES + 4, hidden_dim)
        self.register_buffer("features", element_features()[: MAX_ATOMIC_NUM + 1], persistent=False)

    features: Tensor

    def forward(self, x: list[str] | list[list[str]]) -> Tensor:
        hot = multi_hot(x, self.features.device)
        count = hot.sum(1, keepdim=True)
        mean = hot @ self.features / count
        spread = (
            (hot @ self.features.square() / count - mean.square()).clamp(min=0).add(1e-6).sqrt()
        )
        size = torch.cat([(count == k).float() for k in (1, 2, 3, 4)], dim=1)
        embedding: Tensor = self.multi_hot.embedding(hot) + self.physical(
            torch.cat([mean, spread, size], dim=1)
        )
        return embedding


@dataclass(frozen=True)
class Geometry:
    """P pairs of two atoms of one crystal, and the features that an edge i ← j has."""

    i: Tensor
    """(P,) the first atom of each pair, i < j."""
    j: Tensor
    """(P,) the second one."""
    even: Tensor
    """(N + P, 3 FOURIER + RADIAL) of all atoms with themselves, then of the pairs; the same for
    j ← i.
    """
    odd: Tensor
    """(P, 3 FOURIER + 3 VECTOR) of the pairs; of opposite sign for j ← i, and zero for an atom with
    itself.
    """


class Message(nn.Module):
    """One residual layer: h_i += U(h_i, mean_j M(h_i, h_j, e_ij, g)), all pre-normed."""

    def __init__(self, width: int, context: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.centre = nn.Linear(width + context, width)
        self.neighbour = nn.Linear(width, width, bias=False)
        self.edge = nn.Linear(EDGE, width, bias=False)
        self.out = nn.Sequential(
            nn.SiLU(inplace=True), nn.Linear(width, width), nn.SiLU(inplace=True)
        )
        self.update = nn.Sequential(
            nn.LayerNorm(2 * width),
            nn.Linear(2 * width, 2 * width),
            nn.SiLU(),
            nn.Linear(2 * width, width),
        )

    def forward(self, h: Tensor, g: Tensor, geometry: Geometry, count: Tensor) -> Tensor:
        """h: (N, width), g: (N, context); count: (N,) how many atoms the crystal of each has."""
        x = self.norm(h)
        centre, neighbour = self.centre(torch.cat([x, g], dim=-1)), self.neighbour(x)
        even, odd = (columns.T for columns in self.edge_columns())
        alone = len(h)
        total = self.out((geometry.even[:alone] @ even).add_(centre).add_(neighbour))
        rows = ROWS if h.device.type == "cpu" else max(len(geometry.i), 1)
        for start in range(0, len(geometry.i), rows):
            i, j = geometry.i[start : start + rows], geometry.j[start : start + rows]
            same, opposite = (
                geometry.even[alone + start :][:rows] @ even,
                geometry.odd[start : start + rows] @ odd,
            )
            for to, from_, edge in ((i, j, same + opposite), (j, i, same - opposite)):
                message = edge.add_(centre.index_select(0, to)).add_(
                    neighbour.index_select(0, from_)
                )
                total.index_add_(0, to, self.out(message))
        updated: Tensor = h + self.update(torch.cat([x, total / count[:, None]], dim=-1))
        return updated

    def edge_columns(self) -> tuple[Tensor, Tensor]:
        """Weights (width, …) of the features of an edge that are the same from both ends, and of
        those that change sign.

        They are stored in the order sine and cosine along each axis, radial, vector.
        """
        weight, waves = self.edge.weight, 6 * FOURIER
        sine, cosine = weight[:, :waves].view(-1, 3, 2, FOURIER).unbind(dim=2)
        radial, directed = weight[:, waves : waves + RADIAL], weight[:, waves + RADIAL :]
        return torch.cat([cosine.flatten(1), radial], dim=1), torch.cat(
            [sine.flatten(1), directed], dim=1
        )


class MiniScoreModel(ScoreModel):  # type: ignore[misc]
    """Score model with MatterGen's interface: ``forward(ChemGraph, t) -> ChemGraph`` with pos (N,
    3), cell (B, 3, 3), atomic_numbers (N, 101).
    """

    features: Tensor
    shifts: Tensor
    centres: Tensor
    vector_centres: Tensor

    def __init__(
        self, property_embeddings: Any, width: int = 192, layers: int = 4, density: float = 0.05
    ) -> None:
        super().__init__()
        self.property_embeddings = nn.ModuleDict(property_embeddings)
        condition = sum(
            int(p.conditional_embedding_module.hidden_dim) for p in property_embeddings.values()
        )
        context = 64
        self.density = density
        self.types = nn.Embedding(CLASSES + 1, width)
        self.physical = nn.Linear(FEATURES, width, bias=False)
        self.context = nn.Sequential(
            nn.Linear(TIME + condition + 6 + 8, 2 * context),
            nn.SiLU(),
            nn.Linear(2 * context, context),
        )
        self.enter = nn.Linear(context, width)
        self.layers = nn.ModuleList(Message(width, context) for _ in range(layers))
        self.read = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, width), nn.SiLU())
        self.position = nn.Linear(width, 6)
        self.logits = nn.Linear(width, CLASSES)
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(FEATURES, width, bias=False)
        self.coverage = nn.Linear(width, 2)
        self.lattice = nn.Sequential(
            nn.Linear(2 * width + context, width), nn.SiLU(), nn.Linear(width, 6)
        )
        self.register_buffer("features", element_features(), persistent=False)
        grid = torch.arange(-1, 2, dtype=torch.float32)
        self.register_buffer("shifts", torch.cartesian_prod(grid, grid, grid), persistent=False)
        self.register_buffer("centres", torch.linspace(0.6, CUTOFF, RADIAL), persistent=False)
        self.register_buffer(
            "vector_centres", torch.linspace(1.0, CUTOFF, VECTOR), persistent=False
        )

    @property
    def messages(self) -> list[Message]:
        return [layer for layer in self.layers if isinstance(layer, Message)]

    @property
    def cond_fields_model_was_trained_on(self) -> list[str]:
        return list(self.property_embeddings)

    def forward(self, x: Any, t: Tensor) -> Any:
        frac, cell, types, num_atoms, system = (
            x["pos"],
            x["cell"],
            x["atomic_numbers"],
            x["num_atoms"],
            x.get_batch_idx("pos"),
        )
        geometry = x[GEOMETRY] if GEOMETRY in x else self.geometry(frac, cell, num_atoms, system)
        length = (num_atoms / self.density).pow(1 / 3).view(-1, 1, 1)
        scaled = cell / length
        present = torch.zeros((len(num_atoms), CLASSES + 1), device=frac.device).index_put_(
            (system, types), torch.ones_like(frac[:, 0]), accumulate=True
        )
        g = self.globals(x, t, scaled, num_atoms, present)
        h = self.types(types) + self.physical(self.features[types]) + self.enter(g)[system]
        for layer in self.messages:
            h = layer(h, g[system], geometry, num_atoms[system])
        r = self.read(h)
        fractional, cartesian = self.position(r).split(3, dim=-1)
        position = fractional + (scaled[system] @ cartesian.unsqueeze(-1)).squeeze(-1)
        mean, most = (
            scatter(r, system, dim_size=len(num_atoms), reduce=how) for how in ("mean", "max")
        )
        pooled = torch.cat([mean, most, g], dim=-1)
        logits = self.type_logits(x, r, system, present)
        if not self.training:
            logits = mask_disallowed_elements(logits=logits, x=x, batch_idx=system)
        return x.replace(pos=position, cell=symmetric(self.lattice(pooled)), atomic_numbers=logits)

    def prepare(self, x: Any, copies: int) -> Any:
        """``x``, the same crystals ``copies`` times over, with what depends on their geometry:
        computed for one of the copies.
        """
        atoms, crystals = len(x["pos"]) // copies, len(x["num_atoms"]) // copies
        one = self.geometry(
            x["pos"][:atoms],
            x["cell"][:crystals],
            x["num_atoms"][:crystals],
            x.get_batch_idx("pos")[:atoms],
        )
        i, j = (
            torch.cat([index + copy * atoms for copy in range(copies)]) for index in (one.i, one.j)
        )
        even = torch.cat([one.even[:atoms].repeat(copies, 1), one.even[atoms:].repeat(copies, 1)])
        return x.replace(**{GEOMETRY: Geometry(i, j, even, one.odd.repeat(copies, 1))})

    def geometry(self, frac: Tensor, cell: Tensor, num_atoms: Tensor, system: Tensor) -> Geometry:
        """What depends on coordinates, lattice and numbers of atoms only."""
        i, j = upper_pairs(num_atoms)
        alone = torch.arange(len(frac), device=i.device)
        even, odd = self.edges(frac, cell, system, torch.cat([alone, i]), torch.cat([alone, j]))
        return Geometry(i, j, even, odd[len(alone) :])

    def type_logits(self, x: Any, r: Tensor, system: Tensor, present: Tensor) -> Tensor:
        """Logits from the atom, from its match with each element's physical features, and from what
        the system still lacks.
        """
        key = self.key(self.features[1:]) / math.sqrt(r.shape[-1])
        logits: Tensor = self.logits(r) + self.query(r) @ key.T
        if "chemical_system" not in self.property_embeddings or "chemical_system" not in x:
            return logits
        unconditional = get_use_unconditional_embedding(batch=x, cond_field="chemical_system")
        wanted = multi_hot(x["chemical_system"], r.device)[:, 1:]
        wanted = torch.cat([wanted, torch.zeros_like(wanted[:, :1])], dim=1).masked_fill(
            unconditional, 0.0
        )
        here = present[:, 1:] / present.sum(1, keepdim=True)
        missing = wanted * (here == 0)
        lack, amount = self.coverage(r).split(1, dim=-1)
        covered: Tensor = logits + lack * missing[system] + amount * (wanted * here)[system]
        return covered

    def globals(
        self, x: Any, t: Tensor, scaled: Tensor, num_atoms: Tensor, present: Tensor
    ) -> Tensor:
        """(B, context) noise level, chemical system, lattice in units of the mean cell edge,
        composition counts.
        """
        octaves = 2.0 ** torch.arange(TIME // 4, device=t.device) * math.pi / 2
        level = t[:, None] * octaves
        # the low-noise end needs resolution in log t as well
        low = torch.log(t.clamp(min=1e-4))[:, None] / 9.2 * octaves[: TIME // 4]
        time = torch.cat([level.sin(), level.cos(), low.sin(), low.cos()], dim=-1)
        lattice = scaled[:, (0, 1, 2, 0, 0, 1), (0, 1, 2, 1, 2, 2)]
        n = num_atoms.to(t.dtype)[:, None]
        masked = present[:, CLASSES, None] / n
        kinds = (present[:, 1:CLASSES] > 0).sum(1, keepdim=True).to(t.dtype)
        volume = torch.linalg.det(scaled).abs().clamp(min=1e-3).log()[:, None]
        counts = torch.cat(
            [
                n / 20,
                1 / n,
                n.log() / 3,
                (n / 20).square(),
                masked,
                1 - masked,
                kinds / 4,
                volume.clamp(-4, 4),
            ],
            dim=-1,
        )
        condition = get_property_embeddings(batch=x, property_embeddings=self.property_embeddings)
        embedded: Tensor = self.context(torch.cat([time, condition, lattice, counts], dim=-1))
        return embedded

    def edges(
        self, frac: Tensor, cell: Tensor, system: Tensor, i: Tensor, j: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Features of P pairs that are the same from both ends, (P, 3 FOURIER + RADIAL), and those
        that change sign, (P, 3 FOURIER + 3 VECTOR).

        Cosines and sines of the offset; radial and vector density of its images within CUTOFF.
        """
        offset = frac.index_select(0, j) - frac.index_select(0, i)
        phase = 2 * math.pi * offset[:, :, None] * torch.arange(1, FOURIER + 1, device=frac.device)
        owner = system.index_select(0, i)
        inside = ((offset - offset.round())[:, :, None] * cell.index_select(0, owner)).sum(1)
        images = (self.shifts @ cell).permute(2, 0, 1).contiguous()
        x, y, z = (
            image.index_select(0, owner) + start[:, None]
            for image, start in zip(images, inside.unbind(1), strict=True)
        )
        square = x.square() + y.square() + z.square()
        edge, image = ((square < CUTOFF**2) & (square > 1e-8)).nonzero(as_tuple=True)
        vector = torch.stack([x[edge, image], y[edge, image], z[edge, image]], dim=1)
        distance = square[edge, image].sqrt()[:, None]
        envelope = 0.5 * (torch.cos(math.pi * distance / CUTOFF) + 1)
        radial, shell = (
            envelope * bumps(distance, self.centres, 0.2),
            envelope * bumps(distance, self.vector_centres, 0.6),
        )
        directed = (shell[:, :, None] * (vector / distance)[:, None, :]).flatten(1)
        density = frac.new_zeros((len(i), RADIAL + 3 * VECTOR)).index_add_(
            0, edge, torch.cat([radial, directed], dim=-1)
        )
        even = torch.cat([phase.cos().flatten(1), density[:, :RADIAL]], dim=-1)
        return even, torch.cat([phase.sin().flatten(1), density[:, RADIAL:]], dim=-1)


def bumps(distance: Tensor, centres: Tensor, width: float) -> Tensor:
    """Gaussians (E, C) of (E, 1) distances around (C,) centres. Kept above e^-80: what underflows
    takes a CPU ten times as long.
    """
    return torch.exp(-((distance - centres) / width).square().clamp(max=80))


def upper_pairs(num_atoms: Tensor) -> tuple[Tensor, Tensor]:
    """All pairs i < j inside each crystal, as two (Σ n (n − 1) / 2,) index tensors."""
    total, pairs = torch.stack([num_atoms.sum(), (num_atoms * (num_atoms - 1) // 2).sum()]).tolist()
    atoms = torch.arange(total, device=num_atoms.device)
    later = torch.repeat_interleave(num_atoms.cumsum(0), num_atoms, output_size=total) - 1 - atoms
    i = torch.repeat_interleave(atoms, later, output_size=pairs)
    return i, torch.arange(pairs, device=num_atoms.device) - (later.cumsum(0) - later)[i] + i + 1


def symmetric(six: Tensor) -> Tensor:
    """(B, 6) → symmetric (B, 3, 3); off-diagonal entries are shared, as in MatterGen's lattice
    noise.
    """
    return six[:, (0, 3, 4, 3, 1, 5, 4, 5, 2)].view(-1, 3, 3)
