"""One image to Gaussians and a textured mesh, in one call: python examples/01_image_to_3d.py IMAGE FOLDER"""

import sys
from pathlib import Path

import dreamgaussian as dg


def main(image: Path, folder: Path, preset: str = "default") -> None:
    result = dg.image_to_3d(image, dg.preset(preset), output=folder)
    print(f"{len(result.gaussians):,} Gaussians, {len(result.mesh.faces):,} triangles, seconds: {result.seconds}")
    print("\n".join(str(path) for path in result.files))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
