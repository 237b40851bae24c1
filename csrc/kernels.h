// The work on single chunks and tiles, compiled once for every instruction set.
#pragma once

#include "frame.h"

namespace splat {

struct Kernels {
    const char* name;

    // Projects the Gaussians of chunk number `index`: splats, records, sort keys, radii and screen means. Adds its
    // records to the counts of their tiles.
    void (*project)(Frame& frame, int index, Chunk& chunk, uint32_t* tile_counts, float* radii, float* screen_means);
    // Draws one tile.
    void (*blend)(Frame& frame, int tile, Scratch& scratch, const Picture& picture);
    // Fills the gradient sums of one tile's pairs.
    void (*blend_backward)(Frame& frame, int tile, Scratch& scratch, const PictureGradients& gradients, bool absgrad);
    // Adds up the gradient sums of chunk number `index` and takes them back to the Gaussians.
    void (*project_backward)(Frame& frame, int index, const Chunk& chunk, Scratch& scratch,
                             const GaussianGradients& gradients);
};

}  // namespace splat
