// Emission and absorption along rays through the volume that an image was lifted to: the kernels behind
// dreamgaussian/guidance/mini/march.py, which says what every number means.
#pragma once

#include <cstddef>

namespace splat {

constexpr int VOXEL_FLOATS = 8;  // density, red, green, blue, blend; three unused
constexpr int MOST_SAMPLES = 128;

// A volume in the frustum of the camera that took `image`, at azimuth 0.
struct Frustum {
    const float* voxels;   // [depths, rows, columns, VOXEL_FLOATS], before their activations
    const float* image;  // [side, side, 4], premultiplied
    int depths, rows, columns, side;
    float sin_elevation, cos_elevation;
    float radius, tangent, half_depth;  // of the camera's orbit, of half its field of view, of the volume
};

struct Rays {
    const float* origins;     // 3 each
    const float* directions;  // 3 each, unit length
    const float* jitter;      // 1 each, in sample distances
    int count, samples;
    float ball_radius, density_scale;
};

}  // namespace splat
