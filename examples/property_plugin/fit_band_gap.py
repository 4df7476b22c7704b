"""The weights of `scoutlang_band_gap`: ridge regression on gaps that were measured.

python fit_band_gap.py writes scoutlang_band_gap.json and prints the error that is found when each
compound is left out in turn.
"""

from __future__ import annotations

import json

import numpy as np
from scoutlang_band_gap import FEATURES, WEIGHTS, features

# eV at room temperature; O. Madelung, Semiconductors: Data Handbook, 3rd ed., 2004, and W. H.
# Strehlow, E. L. Cook, J. Phys. Chem. Ref. Data 2, 163 (1973), rounded; polymorphs that are stable
MEASURED = {
    "C": 5.5, "Si": 1.1, "Ge": 0.7, "SiC": 2.4, "BN": 6.2, "BP": 2.0, "AlN": 6.1, "AlP": 2.45,
    "AlAs": 2.15, "AlSb": 1.6, "GaN": 3.4, "GaP": 2.26, "GaAs": 1.42, "GaSb": 0.73, "InN": 0.7,
    "InP": 1.34, "InAs": 0.35, "InSb": 0.17, "ZnO": 3.3, "ZnS": 3.7, "ZnSe": 2.7, "ZnTe": 2.26,
    "CdS": 2.4, "CdSe": 1.74, "CdTe": 1.5, "BeO": 10.6, "MgO": 7.8, "CaO": 7.0, "LiF": 13.6,
    "NaF": 11.5, "KF": 10.8, "LiCl": 9.4, "NaCl": 8.6, "KCl": 8.5, "NaBr": 7.5, "KBr": 7.4,
    "NaI": 5.9, "KI": 6.0, "CaF2": 12.0, "Al2O3": 8.8, "SiO2": 8.9, "TiO2": 3.0, "SnO2": 3.6,
    "ZrO2": 5.8, "Y2O3": 5.6, "Ga2O3": 4.8, "In2O3": 2.9, "Cu2O": 2.1, "CuCl": 3.3, "CuBr": 2.9,
    "CuI": 3.0, "AgCl": 3.2, "AgBr": 2.7, "AgI": 2.8, "PbS": 0.41, "PbSe": 0.28, "PbTe": 0.31,
    "SnTe": 0.2, "Bi2Te3": 0.15, "MoS2": 1.3, "WS2": 1.35, "FeS2": 0.95, "SrTiO3": 3.2,
    "BaTiO3": 3.2, "LiNbO3": 3.8, "CuInSe2": 1.04, "CuInS2": 1.5, "CuGaS2": 2.4, "ZnSnP2": 1.66,
    "Se": 1.8, "Te": 0.33, "P": 0.3, "Mg2Si": 0.77, "Si3N4": 5.0, "NiO": 4.0,
}  # fmt: skip
RIDGE = 1.0


def fitted(rows: np.ndarray, gaps: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """→ mean and spread of the features, weights with the constant first."""
    mean, spread = rows.mean(axis=0), rows.std(axis=0)
    x = np.column_stack([np.ones(len(rows)), (rows - mean) / spread])
    penalty = RIDGE * np.diag([0.0] + [1.0] * len(mean))
    return mean, spread, np.linalg.solve(x.T @ x + penalty, x.T @ gaps)


def predicted(row: np.ndarray, model: tuple[np.ndarray, np.ndarray, np.ndarray]) -> float:
    mean, spread, weights = model
    return max(float(weights[0] + weights[1:] @ ((row - mean) / spread)), 0.0)


if __name__ == "__main__":
    from pymatgen.core import Composition

    rows = np.array([features(Composition(formula)) for formula in MEASURED])
    gaps = np.array(list(MEASURED.values()))
    left_out = [
        predicted(rows[i], fitted(np.delete(rows, i, 0), np.delete(gaps, i))) - gaps[i]
        for i in range(len(gaps))
    ]
    error = float(np.abs(left_out).mean())
    mean, spread, weights = fitted(rows, gaps)
    WEIGHTS.write_text(
        json.dumps(
            {
                "features": list(FEATURES),
                "mean": mean.round(5).tolist(),
                "spread": spread.round(5).tolist(),
                "weights": weights.round(5).tolist(),
                "compounds": len(gaps),
                "mean_absolute_error": round(error, 2),
            },
            indent=1,
        )
        + "\n",
        encoding="utf-8",
    )
    print(  # noqa: T201
        f"{len(gaps)} compounds, mean absolute error left out one by one {error:.2f} eV"
    )
