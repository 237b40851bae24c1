// Backward, per tile: the loss's gradients with respect to the splats, far to near, one pair of splat and tile at a
// time.
//
// With g = Σ_c v_c c, the gradient with respect to the alpha of splat i at a pixel is
//     v_alpha_i = T_i g_i - (Σ_{j behind i} w_j g_j - v_A T_end) / (1 - alpha_i)
// where T is recovered by dividing the final transmittance, and the bracket is carried from splat to splat (`behind`).
// A pair's sums, over its pixels, of s = alpha v_alpha and its moments are laid out as
//     s, s u, s v, s u², s u v, s v², |s ux u|, |s (uy u + vy v)|, then one per channel
// in the coordinates of Splat.
#pragma once

#include "blend.h"

namespace splat {
namespace {

// Positions of a tile's pixels, block by block.
struct TilePixels {
    float x[TILE_PIXELS], y[TILE_PIXELS];

    constexpr TilePixels() : x(), y() {
        for (int i = 0; i < TILE_PIXELS; i++) {
            const int block = i / LANES, lane = i % LANES;
            x[i] = static_cast<float>(block % 4 * BLOCK + lane % BLOCK);
            y[i] = static_cast<float>(block / 4 * BLOCK + lane / BLOCK);
        }
    }
};
alignas(64) constexpr TilePixels TILE_PIXEL;

// What a tile's blocks carry, block by block.
struct TileState {
    alignas(64) float transmittance[TILE_PIXELS];
    alignas(64) float behind[TILE_PIXELS];
    alignas(64) int32_t last[TILE_PIXELS];
    int32_t last_of_block[TILE_BLOCKS];
    int32_t last_of_tile;
    const float* gradients;  // per channel, like the above
};

// The reverse of write_block, into blocks of lanes that are a tile apart; zero where there is no gradient or no pixel.
INLINE void read_block(const BlockPlace& place, int width, const float* picture, int channels, float* lanes) {
    for (int k = 0; k < channels; k++, lanes += TILE_PIXELS) {
        store(lanes, 0.0f);
        if (!picture) continue;
        for (int row = 0; row < place.rows; row++) {
            const float* source = picture + (static_cast<size_t>(place.y + row) * width + place.x) * channels + k;
            if (place.columns == BLOCK)
                for (int column = 0; column < BLOCK; column++) lanes[row * BLOCK + column] = source[column * channels];
            else
                for (int column = 0; column < place.columns; column++)
                    lanes[row * BLOCK + column] = source[column * channels];
        }
    }
}

INLINE void read_gradients(const Frame& frame, int tile, const PictureGradients& gradients, float* lanes,
                           TileState& state) {
    const int width = frame.camera.width, extra = frame.gaussians.extra_channels;
    for (int block = 0; block < TILE_BLOCKS; block++) {
        const BlockPlace place(frame, tile, block);
        float* target = lanes + block * LANES;
        read_block(place, width, gradients.depth, 1, target);
        read_block(place, width, gradients.color, 3, target + TILE_PIXELS);
        read_block(place, width, gradients.extra, extra, target + 4 * TILE_PIXELS);
        read_block(place, width, gradients.alpha, 1, state.behind + block * LANES);
    }
    state.gradients = lanes;
}

INLINE void start_state(const Frame& frame, int tile, TileState& state) {
    const size_t first = static_cast<size_t>(tile) * TILE_PIXELS;
    state.last_of_tile = -1;
    for (int block = 0; block < TILE_BLOCKS; block++) {
        state.last_of_block[block] = -1;
        if (BlockPlace(frame, tile, block).empty()) continue;
        const int lane = block * LANES;
        const Floats transmittance = load(frame.transmittances.data + first + lane);
        store(state.transmittance + lane, transmittance);
        store(state.behind + lane, -(load(state.behind + lane) * transmittance));
        store(state.last + lane, load(frame.last_pairs.data + first + lane));
        for (int k = 0; k < LANES; k++)
            if (state.last[lane + k] > state.last_of_block[block]) state.last_of_block[block] = state.last[lane + k];
        if (state.last_of_block[block] > state.last_of_tile) state.last_of_tile = state.last_of_block[block];
    }
}

// The sums of one pair over the blocks in `blocks`.
template <int CHANNELS, bool ABSGRAD>
INLINE void pair_backward(const Frame& frame, TileState& state, float corner_x, float corner_y, int32_t pair,
                          uint32_t blocks, Floats* channel_sums, float* sums) {
    const uint32_t splat = frame.pairs.data[pair].splat;
    const Splat& s = frame.splats.data[splat];
    const float* channels = channels_of<CHANNELS>(frame, splat);
    const int channel_count = CHANNELS ? CHANNELS : frame.channel_count;
    const Floats least_exponent = frame.conventions.log2_alpha_min, alpha_max = frame.conventions.alpha_max;
    const Floats left = corner_x - s.x, top = corner_y - s.y;

    Floats total = 0.0f, su = 0.0f, sv = 0.0f, suu = 0.0f, suv = 0.0f, svv = 0.0f, abs_x = 0.0f, abs_y = 0.0f;
    for (int k = 0; k < channel_count; k++) channel_sums[k] = 0.0f;
    for (; blocks; blocks &= blocks - 1) {
        const int block = __builtin_ctz(blocks), lane = block * LANES;
        const Falloff f(s, load(TILE_PIXEL.x + lane) + left, load(TILE_PIXEL.y + lane) + top);
        const Mask counts = (least_exponent <= f.exponent) & (Ints(pair) <= load(state.last + lane));
        if (!any(counts)) continue;
        const Floats uncapped = exp2(max(f.exponent, LEAST_EXPONENT));
        const Floats alpha = where(counts, min(uncapped, alpha_max));
        const Floats share = reciprocal(1.0f - alpha);
        const Floats transmittance = load(state.transmittance + lane) * share;
        const Floats weight = alpha * transmittance;
        store(state.transmittance + lane, transmittance);

        Floats value = 0.0f;  // g
        for (int k = 0; k < channel_count; k++) {
            const Floats gradient = load(state.gradients + k * TILE_PIXELS + lane);
            value = fma(gradient, channels[k], value);
            channel_sums[k] = fma(weight, gradient, channel_sums[k]);
        }
        const Floats behind = load(state.behind + lane);
        const Floats alpha_gradient = transmittance * value - behind * share;
        store(state.behind + lane, fma(weight, value, behind));

        const Floats t = where(uncapped <= alpha_max, alpha * alpha_gradient);
        const Floats tu = t * f.u, tv = t * f.v;
        total += t, su += tu, sv += tv;
        suu = fma(tu, f.u, suu), suv = fma(tu, f.v, suv), svv = fma(tv, f.v, svv);
        if (ABSGRAD) abs_x += abs(s.ux * tu), abs_y += abs(fma(s.uy, tu, s.vy * tv));
    }
    store_sums(sums, total, su, sv, suu);
    store_sums(sums + 4, suv, svv, abs_x, abs_y);
    const Floats none = 0.0f;
    for (int k = 0; k < channel_count; k += 4)
        store_sums(sums + GEOMETRY_SUMS + k, channel_sums[k], k + 1 < channel_count ? channel_sums[k + 1] : none,
                   k + 2 < channel_count ? channel_sums[k + 2] : none,
                   k + 3 < channel_count ? channel_sums[k + 3] : none);
}

template <int CHANNELS, bool ABSGRAD>
INLINE void blend_tile_backward(Frame& frame, int tile, Scratch& scratch, const PictureGradients& gradients) {
    constexpr uint32_t AHEAD = 8;  // pairs to prefetch
    const int channel_count = CHANNELS ? CHANNELS : frame.channel_count, stride = frame.pair_stride();
    const uint32_t begin = frame.tile_begins.data[tile], end = frame.tile_begins.data[tile + 1];
    if (begin == end) return;
    scratch.lanes.reserve(static_cast<size_t>(channel_count) * (TILE_PIXELS + LANES));
    Floats local[CHANNELS ? CHANNELS : 1];
    Floats* channel_sums =
        CHANNELS ? local : reinterpret_cast<Floats*>(scratch.lanes.data + channel_count * TILE_PIXELS);
    TileState state;
    read_gradients(frame, tile, gradients, scratch.lanes.data, state);
    start_state(frame, tile, state);

    const float corner_x = tile % frame.tiles_x * TILE + 0.5f, corner_y = tile / frame.tiles_x * TILE + 0.5f;
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
            pair_backward<CHANNELS, ABSGRAD>(frame, state, corner_x, corner_y, number, blocks, channel_sums, sums);
        else
            __builtin_memset(sums, 0, sizeof(float) * stride);
    }
}

static void blend_backward(Frame& frame, int tile, Scratch& scratch, const PictureGradients& gradients, bool absgrad) {
    switch (frame.channel_count) {
        case 4:
            return absgrad ? blend_tile_backward<4, true>(frame, tile, scratch, gradients)
                           : blend_tile_backward<4, false>(frame, tile, scratch, gradients);
        case 7:
            return absgrad ? blend_tile_backward<7, true>(frame, tile, scratch, gradients)
                           : blend_tile_backward<7, false>(frame, tile, scratch, gradients);
        default:
            return blend_tile_backward<0, true>(frame, tile, scratch, gradients);
    }
}

}  // namespace
}  // namespace splat
