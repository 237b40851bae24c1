// Backward, per tile: the loss's gradients with respect to the splats, far to near, one pair of splat and tile at a
// time.
//
// With g = Σ_c v_c c, the gradient with respect to the alpha of splat i at a pixel is
//     v_alpha_i = T_i g_i - (Σ_{j behind i} w_j g_j - v_A T_end) / (1 - alpha_i)
// where T is recovered by dividing the final transmittance, and the bracket is carried from splat to splat (`behind`).
// A pair's sums, over its pixels, of s = alpha v_alpha and its moments are laid out as
//     s, s u, s v, s u², s u v, s v², then one per channel
// in the coordinates of Splat, and padded to a multiple of four (Frame::pair_stride), as four sums are stored at once.
#pragma once

#include "blend.h"

namespace splat {
namespace {

// What a block carries from splat to splat, as rows of lanes; then one row of gradients per channel. A block's rows lie
// side by side: rows of different blocks that are some power of two apart would get into each other's way in the cache.
enum Row { TRANSMITTANCE, BEHIND, LAST, X, Y, GRADIENTS };

struct TileState {
    float* lanes;
    int channel_count;
    int32_t last_of_block[TILE_BLOCKS];
    int32_t last_of_tile;

    INLINE_MEMBER float* rows(int block) const { return lanes + block * (GRADIENTS + channel_count) * LANES; }
    INLINE_MEMBER static size_t size(int channel_count) {
        return static_cast<size_t>(TILE_BLOCKS) * (GRADIENTS + channel_count) * LANES;
    }
};

// The reverse of write_block; zero where there is no gradient or no pixel.
INLINE void read_block(const BlockPlace& place, int width, const float* image, int channels, float* lanes) {
    for (int k = 0; k < channels; k++, lanes += LANES) {
        store(lanes, 0.0f);
        if (!image) continue;
        for (int row = 0; row < place.rows; row++) {
            const float* source = image + (static_cast<size_t>(place.y + row) * width + place.x) * channels + k;
            if (place.columns == BLOCK)
                for (int column = 0; column < BLOCK; column++) lanes[row * BLOCK + column] = source[column * channels];
            else
                for (int column = 0; column < place.columns; column++)
                    lanes[row * BLOCK + column] = source[column * channels];
        }
    }
}

INLINE void start_block(const Frame& frame, int tile, int block, const ImageGradients& gradients, TileState& state) {
    state.last_of_block[block] = -1;
    const BlockPlace place(frame, tile, block);
    if (place.empty()) return;
    const int width = frame.camera.width, extra = frame.gaussians.extra_channels;
    float* rows = state.rows(block);
    read_block(place, width, gradients.depth, 1, rows + GRADIENTS * LANES);
    read_block(place, width, gradients.color, 3, rows + (GRADIENTS + 1) * LANES);
    read_block(place, width, gradients.extra, extra, rows + (GRADIENTS + 4) * LANES);
    read_block(place, width, gradients.alpha, 1, rows + BEHIND * LANES);

    const size_t first = static_cast<size_t>(tile) * TILE_PIXELS + block * LANES;
    const Floats transmittance = load(frame.transmittances.data + first);
    store(rows + TRANSMITTANCE * LANES, transmittance);
    store(rows + BEHIND * LANES, -(load(rows + BEHIND * LANES) * transmittance));
    const int32_t* last = frame.last_pairs.data + first;
    store(rows + LAST * LANES, as_floats(load(last)));
    store(rows + X * LANES, load(PIXEL_X) + (place.x + 0.5f));
    store(rows + Y * LANES, load(PIXEL_Y) + (place.y + 0.5f));
    for (int lane = 0; lane < LANES; lane++)
        if (last[lane] > state.last_of_block[block]) state.last_of_block[block] = last[lane];
    if (state.last_of_block[block] > state.last_of_tile) state.last_of_tile = state.last_of_block[block];
}

// The sums of one pair over the blocks in `blocks`.
template <int CHANNELS>
INLINE void pair_backward(const Frame& frame, TileState& state, int32_t pair, uint32_t blocks, Floats* channel_sums,
                          float* sums) {
    const uint32_t splat = frame.pairs.data[pair].splat;
    const Splat& s = frame.splats.data[splat];
    const float* channels = channels_of<CHANNELS>(frame, splat);
    const int channel_count = CHANNELS ? CHANNELS : frame.channel_count;
    const Floats least_exponent = frame.conventions.log2_alpha_min, alpha_max = frame.conventions.alpha_max;

    Floats total = 0.0f, su = 0.0f, sv = 0.0f, suu = 0.0f, suv = 0.0f, svv = 0.0f;
    for (int k = 0; k < channel_count; k++) channel_sums[k] = 0.0f;
    for (; blocks; blocks &= blocks - 1) {
        float* rows = state.lanes + __builtin_ctz(blocks) * (GRADIENTS + channel_count) * LANES;
        const Falloff f(s, load(rows + X * LANES) - s.x, load(rows + Y * LANES) - s.y);
        const Mask counts = (least_exponent <= f.exponent) & (Ints(pair) <= as_ints(load(rows + LAST * LANES)));
        if (!any(counts)) continue;
        const Floats uncapped = exp2(max(f.exponent, LEAST_EXPONENT));
        const Floats alpha = where(counts, min(uncapped, alpha_max));
        const Floats share = reciprocal(1.0f - alpha);
        const Floats transmittance = load(rows + TRANSMITTANCE * LANES) * share;
        const Floats weight = alpha * transmittance;
        store(rows + TRANSMITTANCE * LANES, transmittance);

        Floats value = 0.0f;  // g
        for (int k = 0; k < channel_count; k++) {
            const Floats gradient = load(rows + (GRADIENTS + k) * LANES);
            value = fma(gradient, channels[k], value);
            channel_sums[k] = fma(weight, gradient, channel_sums[k]);
        }
        const Floats behind = load(rows + BEHIND * LANES);
        const Floats alpha_gradient = transmittance * value - behind * share;
        store(rows + BEHIND * LANES, fma(weight, value, behind));

        const Floats t = where(uncapped <= alpha_max, alpha * alpha_gradient);
        const Floats tu = t * f.u, tv = t * f.v;
        total += t, su += tu, sv += tv;
        suu = fma(tu, f.u, suu), suv = fma(tu, f.v, suv), svv = fma(tv, f.v, svv);
    }
    store_sums(sums, total, su, sv, suu);
    store_sums(sums + 4, suv, svv, channel_sums[0], channel_sums[1]);
    const Floats none = 0.0f;
    for (int k = 2; k < channel_count; k += 4)
        store_sums(sums + GEOMETRY_SUMS + k, channel_sums[k], k + 1 < channel_count ? channel_sums[k + 1] : none,
                   k + 2 < channel_count ? channel_sums[k + 2] : none,
                   k + 3 < channel_count ? channel_sums[k + 3] : none);
}

template <int CHANNELS>
INLINE void blend_tile_backward(Frame& frame, int tile, Scratch& scratch, const ImageGradients& gradients) {
    constexpr uint32_t AHEAD = 8;  // pairs to prefetch
    const int channel_count = CHANNELS ? CHANNELS : frame.channel_count, stride = frame.pair_stride();
    const uint32_t begin = frame.tile_begins.data[tile], end = frame.tile_begins.data[tile + 1];
    if (begin == end) return;
    const size_t state_size = TileState::size(channel_count);
    scratch.lanes.reserve(state_size + static_cast<size_t>(channel_count) * LANES);
    Floats local[CHANNELS ? CHANNELS : 1];
    Floats* channel_sums = CHANNELS ? local : reinterpret_cast<Floats*>(scratch.lanes.data + state_size);
    TileState state;
    state.lanes = scratch.lanes.data;
    state.channel_count = channel_count;
    state.last_of_tile = -1;
    for (int block = 0; block < TILE_BLOCKS; block++) start_block(frame, tile, block, gradients, state);

    const Pair* pairs = frame.pairs.data;
    uint32_t active = 0;  // blocks whose last pair is not in front of the current one
    for (uint32_t pair = end; pair-- > begin;) {
        if (pair >= begin + AHEAD) {
            __builtin_prefetch(&frame.splats.data[pairs[pair - AHEAD].splat]);
            __builtin_prefetch(frame.pair_sums.data + static_cast<size_t>(pairs[pair - AHEAD].slot) * stride, 1);
        }
        const int32_t number = static_cast<int32_t>(pair);
        if (active != 0xffff && number <= state.last_of_tile)
            for (int block = 0; block < TILE_BLOCKS; block++)
                if (number <= state.last_of_block[block]) active |= 1u << block;
        const uint32_t blocks = pairs[pair].blocks & active;
        float* sums = frame.pair_sums.data + static_cast<size_t>(pairs[pair].slot) * stride;
        if (blocks)
            pair_backward<CHANNELS>(frame, state, number, blocks, channel_sums, sums);
        else
            __builtin_memset(sums, 0, sizeof(float) * stride);
    }
}

static void blend_backward(Frame& frame, int tile, Scratch& scratch, const ImageGradients& gradients) {
    switch (frame.channel_count) {
        case 4:
            return blend_tile_backward<4>(frame, tile, scratch, gradients);
        case 7:
            return blend_tile_backward<7>(frame, tile, scratch, gradients);
        default:
            return blend_tile_backward<0>(frame, tile, scratch, gradients);
    }
}

}  // namespace
}  // namespace splat
