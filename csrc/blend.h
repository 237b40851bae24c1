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

// A block's place in the image, in pixels.
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

// The pairs of each block of a tile, in order.
struct BlockLists {
    int32_t* begins[TILE_BLOCKS];
    int32_t* ends[TILE_BLOCKS];

    INLINE_MEMBER BlockLists(const Frame& frame, uint32_t begin, uint32_t end, Buffer<int32_t>& memory) {
        const size_t stride = end - begin + LANES;
        memory.reserve(TILE_BLOCKS * stride);
        for (int block = 0; block < TILE_BLOCKS; block++) begins[block] = ends[block] = memory.data + block * stride;
        const Ints lane = load(LANE_INDEX), pair_words = lane * 3;  // a Pair is three words
        for (uint32_t first = begin; first < end; first += LANES) {
            const int32_t left = static_cast<int32_t>(end - first);
            const Ints words = min(pair_words, 3 * (left - 1));
            const int32_t* pairs = reinterpret_cast<const int32_t*>(frame.pairs.data + first);
            const Ints blocks = select(lane <= Ints(left - 1), gather(pairs + 2, words), Ints(0));
            for (int k = 0; k < LANES && k < left; k++)
                __builtin_prefetch(frame.splats.data + frame.pairs.data[first + k].splat);
            for (int block = 0; block < TILE_BLOCKS; block++) {
                const Mask reached = Ints(1 << block) <= (blocks & Ints(1 << block));
                ends[block] = append(ends[block], reached, lane + static_cast<int32_t>(first));
            }
        }
    }
};

// Writes `channels` vectors as the interleaved channels of the image's pixels.
INLINE void write_block(const BlockPlace& place, int width, const Floats* values, int channels, float* image) {
    alignas(64) float lanes[LANES];
    for (int k = 0; k < channels; k++) {
        store(lanes, values[k]);
        for (int row = 0; row < place.rows; row++) {
            float* target = image + (static_cast<size_t>(place.y + row) * width + place.x) * channels + k;
            if (place.columns == BLOCK)
                for (int column = 0; column < BLOCK; column++) target[column * channels] = lanes[row * BLOCK + column];
            else
                for (int column = 0; column < place.columns; column++)
                    target[column * channels] = lanes[row * BLOCK + column];
        }
    }
}

INLINE void write_image(const Frame& frame, const BlockPlace& place, const Floats* sums, Floats transmittance,
                          const Image& image) {
    const int width = frame.camera.width, extra = frame.gaussians.extra_channels;
    const Floats alpha = 1.0f - transmittance;
    write_block(place, width, sums, 1, image.depth);
    write_block(place, width, &alpha, 1, image.alpha);
    write_block(place, width, sums + 1, 3, image.color);
    write_block(place, width, sums + 4, extra, image.extra);
}

// Blends a block's list of pairs into `sums`. A pixel is finished before its transmittance would fall to the minimum.
template <int CHANNELS>
INLINE Floats blend_block(const Frame& frame, const BlockPlace& place, const int32_t* list, const int32_t* list_end,
                          Floats* sums, Ints& last) {
    const Conventions& limits = frame.conventions;
    const Floats least_exponent = limits.log2_alpha_min;
    const Floats x = load(PIXEL_X) + (place.x + 0.5f), y = load(PIXEL_Y) + (place.y + 0.5f);
    const int channel_count = CHANNELS ? CHANNELS : frame.channel_count;
    Floats transmittance = 1.0f;
    Mask unfinished = Floats(0.0f) < transmittance;
    last = Ints(-1);
    for (; list != list_end; list++) {
        const int32_t pair = *list;
        const uint32_t splat = frame.pairs.data[pair].splat;
        const Splat& s = frame.splats.data[splat];
        const Floats exponent = Falloff(s, x - s.x, y - s.y).exponent;
        const Mask counts = unfinished & (least_exponent <= exponent);
        const Floats alpha = min(exp2(max(exponent, LEAST_EXPONENT)), limits.alpha_max);
        const Floats weight = alpha * transmittance, behind = transmittance - weight;
        const Mask blended = counts & (Floats(limits.transmittance_min) < behind);
        const Floats blended_weight = where(blended, weight);
        const float* channels = channels_of<CHANNELS>(frame, splat);
        for (int k = 0; k < channel_count; k++) sums[k] = fma(blended_weight, channels[k], sums[k]);
        transmittance = select(blended, behind, transmittance);
        last = select(blended, Ints(pair), last);
        unfinished = and_not(unfinished, and_not(counts, blended));
        if (!any(unfinished)) break;
    }
    return transmittance;
}

template <int CHANNELS>
INLINE void blend_tile(Frame& frame, int tile, Scratch& scratch, const Image& image) {
    const uint32_t begin = frame.tile_begins.data[tile], end = frame.tile_begins.data[tile + 1];
    const BlockLists lists(frame, begin, end, scratch.block_lists);
    const int channel_count = CHANNELS ? CHANNELS : frame.channel_count;
    if (!CHANNELS) scratch.lanes.reserve(static_cast<size_t>(LANES) * channel_count);
    for (int block = 0; block < TILE_BLOCKS; block++) {
        const BlockPlace place(frame, tile, block);
        if (place.empty()) continue;
        Floats local[CHANNELS ? CHANNELS : 1];
        Floats* sums = CHANNELS ? local : reinterpret_cast<Floats*>(scratch.lanes.data);
        for (int k = 0; k < channel_count; k++) sums[k] = 0.0f;
        Ints last;
        const Floats transmittance =
            blend_block<CHANNELS>(frame, place, lists.begins[block], lists.ends[block], sums, last);
        const size_t pixel = static_cast<size_t>(tile) * TILE_PIXELS + block * LANES;
        store(frame.transmittances.data + pixel, transmittance);
        store(frame.last_pairs.data + pixel, last);
        write_image(frame, place, sums, transmittance, image);
    }
}

static void blend(Frame& frame, int tile, Scratch& scratch, const Image& image) {
    switch (frame.channel_count) {
        case 4:
            return blend_tile<4>(frame, tile, scratch, image);
        case 7:
            return blend_tile<7>(frame, tile, scratch, image);
        default:
            return blend_tile<0>(frame, tile, scratch, image);
    }
}

}  // namespace
}  // namespace splat
