// Forward, per Gaussian: where it is on the screen, how it fades, and which blocks of which tiles it reaches.
#pragma once

#include "cover.h"
#include "footprint.h"

namespace splat {
namespace {

INLINE Floats logistic(Floats x) { return 1.0f / (1.0f + exp(-x)); }

// Transposes what the lanes hold into one Splat per Gaussian. A Splat is sixteen floats in the order of its members: six
// of geometry, then the channels from field 6 on: depth, red, green, blue, extra.
struct SplatLanes {
    alignas(64) float values[LANES][LANES];

    INLINE_MEMBER void set(int field, Floats a) { store(values[field], a); }
    INLINE_MEMBER void copy_to(Splat& splat, int lane) const {
        float* target = &splat.x;
        for (int field = 0; field < LANES; field++) target[field] = values[field][lane];
    }
};

INLINE void set_channels(const Frame& frame, Ints index, Floats depth, SplatLanes& lanes) {
    const Gaussians& g = frame.gaussians;
    lanes.set(6, depth);
    const Ints row3 = index * 3, row = index * g.extra_channels;
    for (int k = 0; k < 3; k++)
        lanes.set(7 + k, max(fma(gather(g.colors + k, row3), g.color_scale, g.color_offset), 0.0f));
    for (int k = 0; k < g.extra_channels && 4 + k < Splat::CHANNELS; k++) lanes.set(10 + k, gather(g.extra + k, row));
}

// Where there are more channels than a Splat holds.
INLINE void copy_channels(const Frame& frame, int i, const Splat& splat) {
    const Gaussians& g = frame.gaussians;
    float* target = frame.channels.data + static_cast<size_t>(i) * frame.channel_count;
    for (int k = 0; k < 4; k++) *target++ = splat.channels[k];
    for (int k = 0; k < g.extra_channels; k++) *target++ = g.extra[static_cast<size_t>(i) * g.extra_channels + k];
}

// Projects up to sixteen Gaussians from `first` on and returns which lanes are visible.
INLINE uint32_t project_lanes(Frame& frame, int first, int count, SplatLanes& splats, Outlines& outlines, float* radii,
                              float* screen_means) {
    const Camera& camera = frame.camera;
    const Conventions& conventions = frame.conventions;
    const Ints index = lane_indices(first, frame.gaussians.count);
    Footprint f;
    project16(frame, index, f);
    const Floats opacity = logistic(gather(frame.gaussians.opacity_logits, index));
    const Floats log2_opacity = log2(max(opacity, 1e-30f));  // log2 takes no zero; so faint a Gaussian is not drawn

    // alpha >= alpha_min inside the ellipse u² + v² <= level, whose bounding box is 2 half_x by 2 half_y.
    const Floats level = log2_opacity - conventions.log2_alpha_min, squared_sigmas = max(2 * LN_2 * level, 0.0f);
    const Floats half_x = sqrt(squared_sigmas * f.variance_x), half_y = sqrt(squared_sigmas * f.variance_y);
    const Floats x = fma(f.x * f.inverse_z, camera.focal, 0.5f * camera.width);
    const Floats y = fma(f.y * f.inverse_z, camera.focal, 0.5f * camera.height);

    const Mask in_front = Floats(conventions.near) < f.z;
    // Below the largest float, 3e38, with room for the products to come; also false where a number is none.
    const Mask finite = (f.determinant <= 1e37f) & (half_x <= 1e18f) & (half_y <= 1e18f);
    const Mask on_screen = (Floats(0.0f) < x + half_x) & (x - half_x < Floats(camera.width)) &
                           (Floats(0.0f) < y + half_y) & (y - half_y < Floats(camera.height));
    const Mask present = load(LANE_INDEX) <= Ints(count - 1);
    const Mask visible = in_front & finite & on_screen & (Floats(0.0f) <= level) & present;

    const Floats geometry[] = {x, y, f.ux, f.uy, f.vy, log2_opacity};
    for (int field = 0; field < 6; field++) splats.set(field, geometry[field]);
    set_channels(frame, index, f.z, splats);
    outlines.set(camera, x, y, half_x, half_y, level, f);

    alignas(64) float means_x[LANES], means_y[LANES], radius[LANES];
    store(means_x, where(in_front, x)), store(means_y, where(in_front, y));
    store(radius, where(visible, max(half_x, half_y)));
    for (int lane = 0; lane < count; lane++) {
        radii[first + lane] = radius[lane];
        screen_means[2 * (first + lane)] = means_x[lane];
        screen_means[2 * (first + lane) + 1] = means_y[lane];
    }
    return bits(visible);
}

static void project(Frame& frame, int index, Chunk& chunk, uint32_t* tile_counts, float* radii, float* screen_means) {
    const int begin = index * CHUNK;
    const int end = begin + CHUNK < frame.gaussians.count ? begin + CHUNK : frame.gaussians.count;
    chunk.record_count = 0;
    uint32_t visible_count = 0;
    SplatLanes splats;
    Outlines outlines;
    for (int first = begin; first < end; first += LANES) {
        const int count = end - first < LANES ? end - first : LANES;
        const uint32_t visible = project_lanes(frame, first, count, splats, outlines, radii, screen_means);
        for (int lane = 0; lane < count; lane++) {
            const int i = first + lane;
            RecordRange& range = frame.record_ranges.data[i];
            range.first = chunk.record_count;
            if (visible >> lane & 1) cover(frame, outlines, lane, chunk, tile_counts);
            range.count = chunk.record_count - range.first;
            if (range.count == 0) continue;
            splats.copy_to(frame.splats.data[i], lane);
            const Splat& splat = frame.splats.data[i];
            if (!frame.channels_fit()) copy_channels(frame, i, splat);
            // The depth's bits are its sort key: positive floats are in the order of their bits as integers.
            __builtin_memcpy(&frame.keys.data[begin + visible_count], &splat.channels[0], sizeof(float));
            frame.order.data[begin + visible_count++] = i;
        }
    }
    chunk.visible_count = visible_count;
}

}  // namespace
}  // namespace splat
