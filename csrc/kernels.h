// The work on single chunks, tiles and volumes, compiled once for every instruction set.
#pragma once

#include "frame.h"
#include "march.h"

namespace splat {

struct Kernels {
    const char* name;

    // Projects the Gaussians of chunk number `index`: splats, records, sort keys, radii and screen means. Adds its
    // records to the counts of their tiles.
    void (*project)(Frame& frame, int index, Chunk& chunk, uint32_t* tile_counts, float* radii, float* screen_means);
    // Draws one tile.
    void (*blend)(Frame& frame, int tile, Scratch& scratch, const Image& image);
    // Fills the gradient sums of one tile's pairs.
    void (*blend_backward)(Frame& frame, int tile, Scratch& scratch, const ImageGradients& gradients);
    // Adds up the gradient sums of chunk number `index` and takes them back to the Gaussians.
    void (*project_backward)(Frame& frame, int index, const Chunk& chunk, Scratch& scratch,
                             const GaussianGradients& gradients);
    // Premultiplied RGBA of each ray.
    void (*march)(const Frustum& frustum, const Rays& rays, float* rgba);
    // Adds the rays' gradients to those of the voxels.
    void (*march_backward)(const Frustum& frustum, const Rays& rays, const float* rgba_gradients,
                           float* voxel_gradients);
};

}  // namespace splat
