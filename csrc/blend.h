// Forward, per tile: Gaussians over pixels, near to far. One block of 4x4 pixels at a time, so that its colours and
// transmittances stay in registers.
#pragma once

#include "frame.h"
#include "simd.h"

namespace splat {
namespace {

alignas(64) constexpr float PIXEL_X[LANES] = {0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3};
alignas(64) constexpr float PIXEL_Y[LANES] = {0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3};

constexpr float LEAST_EXPONENT = -40.0f;  // below every alpha_min, above what exp2 cannot do

// A block's place in the picture, in pixels.
struct BlockPlace {
    int x, y, columns, rows;

    INLINE_MEMBER BlockPlace(const Frame& frame, int tile, int block)
        : x(tile % frame.tiles_x * TILE + block % (TILE / BLOCK) * BLOCK),
          y(tile / frame.tiles_x * TILE + block / (TILE / BLOCK) * BLOCK),
          columns(frame.camera.width - x < BLOCK ? frame.camera.width - x : BLOCK),
          rows(frame.camera.height - y < BLOCK ? frame.camera.height - y : BLOCK) {}
    INLINE_MEMBER bool empty() const { return columns <= 0 || rows <= 0; }
};

// u and v of Splat, at offsets (dx, dy) from the centre, and log2 of alpha.
struct Falloff {
    Floats u, v, exponent;

    INLINE_MEMBER Falloff(const Splat& s, Floats dx, Floats dy)
        : u(fma(s.ux, dx, s.uy * dy)), v(s.vy * dy), exponent(negative_fma(u, u, negative_fma(v, v, s.log2_opacity))) {}
};

template <int CHANNELS>
INLINE const float* channels_of(const Frame& frame, uint32_t splat) {
    if (CHANNELS || frame.channels_fit()) return frame.splats.data[splat].channels;
    return frame.channels.data + static_cast<size_t>(splat) * frame.channel_count;
}

// Sorts a tile's pairs into the lists of its blocks, each `stride` long.
INLINE void list_blocks(const Frame& frame, uint32_t begin, uint32_t end, uint32_t* lists, uint32_t* counts) {
    const uint32_t stride = end - begin;
    for (int block = 0; block < TILE_BLOCKS; block++) counts[block] = 0;
    for (uint32_t pair = begin; pair < end; pair++) {
        __builtin_prefetch(&frame.splats.data[frame.pairs.data[pair].splat]);
        for (uint32_t blocks = frame.pairs.data[pair].blocks; blocks; blocks &= blocks - 1) {
            const int block = __builtin_ctz(blocks);
            lists[block * stride + counts[block]++] = pair;
        }
    }
}

INLINE void write_block(const BlockPlace& place, int width, const float* lanes, float* target, int stride) {
    for (int row = 0; row < place.rows; row++)
        for (int column = 0; column < place.columns; column++) {
            const size_t pixel = static_cast<size_t>(place.y + row) * width + place.x + column;
            target[pixel * stride] = lanes[row * BLOCK + column];
        }
}

INLINE void write_picture(const Frame& frame, const BlockPlace& place, const Floats* sums, Floats transmittance,
                          const Picture& picture) {
    alignas(64) float lanes[LANES];
    const int width = frame.camera.width, extra = frame.gaussians.extra_channels;
    store(lanes, sums[0]);
    write_block(place, width, lanes, picture.depth, 1);
    store(lanes, 1.0f - transmittance);
    write_block(place, width, lanes, picture.alpha, 1);
    for (int k = 0; k < 3; k++) {
        store(lanes, sums[1 + k]);
        write_block(place, width, lanes, picture.color + k, 3);
    }
    for (int k = 0; k < extra; k++) {
        store(lanes, sums[4 + k]);
        write_block(place, width, lanes, picture.extra + k, extra);
    }
}

// Blends a block's list of pairs into `sums`. A pixel is finished before its transmittance would fall to the minimum;
// from then on its transmittance carries a minus sign, which fails every further test.
template <int CHANNELS>
INLINE Floats blend_block(const Frame& frame, const BlockPlace& place, const uint32_t* list, uint32_t count,
                          Floats* sums, Ints& last) {
    const Conventions& limits = frame.conventions;
    const Floats least_exponent = limits.log2_alpha_min;
    const Floats x = load(PIXEL_X) + (place.x + 0.5f), y = load(PIXEL_Y) + (place.y + 0.5f);
    const int channel_count = CHANNELS ? CHANNELS : frame.channel_count;
    Floats transmittance = 1.0f;
    last = Ints(-1);
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t pair = list[i], splat = frame.pairs.data[pair].splat;
        const Splat& s = frame.splats.data[splat];
        const Floats exponent = Falloff(s, x - s.x, y - s.y).exponent;
        const Mask counts = least_exponent <= exponent;
        const Floats alpha = min(exp2(max(exponent, LEAST_EXPONENT)), limits.alpha_max);
        const Floats weight = alpha * transmittance, behind = transmittance - weight;
        const Mask blended = counts & (Floats(limits.transmittance_min) < behind);
        const Floats blended_weight = where(blended, weight);
        const float* channels = channels_of<CHANNELS>(frame, splat);
        for (int k = 0; k < channel_count; k++) sums[k] = fma(blended_weight, channels[k], sums[k]);
        transmittance = select(blended, behind, transmittance);
        last = select(blended, Ints(static_cast<int32_t>(pair)), last);
        const Mask finished = and_not(counts, blended);
        if (__builtin_expect(any(finished), 0)) {
            transmittance = select(finished, -abs(transmittance), transmittance);
            if (!any(Floats(0.0f) < transmittance)) break;
        }
    }
    return abs(transmittance);
}

template <int CHANNELS>
INLINE void blend_tile(Frame& frame, int tile, Scratch& scratch, const Picture& picture) {
    const uint32_t begin = frame.tile_begins.data[tile], end = frame.tile_begins.data[tile + 1];
    scratch.block_lists.reserve(static_cast<size_t>(TILE_BLOCKS) * (end - begin));
    uint32_t* lists = scratch.block_lists.data;
    uint32_t counts[TILE_BLOCKS];
    list_blocks(frame, begin, end, lists, counts);

    const int channel_count = CHANNELS ? CHANNELS : frame.channel_count;
    if (!CHANNELS) scratch.lanes.reserve(static_cast<size_t>(LANES) * channel_count);
    for (int block = 0; block < TILE_BLOCKS; block++) {
        const BlockPlace place(frame, tile, block);
        if (place.empty()) continue;
        Floats local[CHANNELS ? CHANNELS : 1];
        Floats* sums = CHANNELS ? local : reinterpret_cast<Floats*>(scratch.lanes.data);
        for (int k = 0; k < channel_count; k++) sums[k] = 0.0f;
        Ints last;
        const Floats transmittance = blend_block<CHANNELS>(
            frame, place, lists + static_cast<size_t>(block) * (end - begin), counts[block], sums, last);
        const size_t pixel = static_cast<size_t>(tile) * TILE_PIXELS + block * LANES;
        store(frame.transmittances.data + pixel, transmittance);
        store(frame.last_pairs.data + pixel, last);
        write_picture(frame, place, sums, transmittance, picture);
    }
}

static void blend(Frame& frame, int tile, Scratch& scratch, const Picture& picture) {
    switch (frame.channel_count) {
        case 4: return blend_tile<4>(frame, tile, scratch, picture);
        case 7: return blend_tile<7>(frame, tile, scratch, picture);
        default: return blend_tile<0>(frame, tile, scratch, picture);
    }
}

}  // namespace
}  // namespace splat
