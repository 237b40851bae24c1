"""What the tests call closed."""

import numpy as np

from dreamgaussian.core.mesh import Mesh


def is_closed(mesh: Mesh) -> bool:
    """Whether every edge lies between two faces, which run along it in opposite directions."""
    faces = mesh.faces.numpy(force=True).astype(np.int64)
    starts, ends = faces.reshape(-1), np.roll(faces, -1, axis=1).reshape(-1)
    count = int(faces.max()) + 1
    there, back = starts * count + ends, ends * count + starts
    return len(np.unique(there)) == len(there) and np.array_equal(np.sort(there), np.sort(back))
