// One ray at a time: its samples in front of the cut-out are looked up one by one, then activated sixteen at a time.
#pragma once

#include "march.h"
#include "simd.h"

namespace splat {
namespace {

typedef float Voxel __attribute__((vector_size(4 * VOXEL_FLOATS)));
constexpr float LEAST_ALPHA = 0.05f;         // below it a pixel's straight colour is not to be told
constexpr float TRANSMITTANCE_BIAS = 1e-6f;  // as in the torch version, which divides by it
constexpr float SHARPNESS = 4.0f;

// Eight neighbouring voxels and their shares.
struct Corners {
    ptrdiff_t offsets[8];
    float weights[8];
};

// The samples of one ray that have something in them, channel by channel.
struct Samples {
    int count;
    float step;  // the length that each of them stands for
    alignas(64) float raw[5][MOST_SAMPLES], inside[MOST_SAMPLES], own[3][MOST_SAMPLES];
    alignas(64) float density[MOST_SAMPLES], color[3][MOST_SAMPLES], blend[MOST_SAMPLES];
    alignas(64) float weight[MOST_SAMPLES], transmittance[MOST_SAMPLES];
    Corners corners[MOST_SAMPLES];
};

// The place x in [-1, 1] as an index between 0 and size - 1, and the share of the next one.
INLINE int between(float x, int size, float& share) {
    float place = ((x + 1) * size - 1) * 0.5f;
    place = place < 0 ? 0 : place > size - 1 ? size - 1 : place;
    int index = static_cast<int>(place);
    if (index > size - 2) index = size > 1 ? size - 2 : 0;
    share = place - index;
    return index;
}

INLINE Corners corners_at(const Frustum& f, float u, float v, float w) {
    float du, dv, dw;
    const int column = between(u, f.columns, du), row = between(v, f.rows, dv), depth = between(w, f.depths, dw);
    const ptrdiff_t right = f.columns > 1 ? 1 : 0, below = f.rows > 1 ? f.columns : 0;
    const ptrdiff_t behind = f.depths > 1 ? static_cast<ptrdiff_t>(f.rows) * f.columns : 0;
    const ptrdiff_t first = (static_cast<ptrdiff_t>(depth) * f.rows + row) * f.columns + column;
    Corners corners;
    for (int k = 0; k < 8; k++) {
        corners.offsets[k] = (first + (k & 1 ? right : 0) + (k & 2 ? below : 0) + (k & 4 ? behind : 0)) * VOXEL_FLOATS;
        corners.weights[k] = (k & 1 ? du : 1 - du) * (k & 2 ? dv : 1 - dv) * (k & 4 ? dw : 1 - dw);
    }
    return corners;
}

// The image at (u, v), black and clear beside it; false where it is clear.
INLINE bool pixel_at(const Frustum& f, float u, float v, float* pixel) {
    const float x = ((u + 1) * f.side - 1) * 0.5f, y = ((v + 1) * f.side - 1) * 0.5f;
    if (!(x > -1 && x < f.side && y > -1 && y < f.side)) return false;
    const int column = static_cast<int>(__builtin_floorf(x)), row = static_cast<int>(__builtin_floorf(y));
    const float dx = x - column, dy = y - row;
    for (int c = 0; c < 4; c++) pixel[c] = 0;
    for (int k = 0; k < 4; k++) {
        const int i = column + (k & 1), j = row + (k >> 1);
        if (i < 0 || i >= f.side || j < 0 || j >= f.side) continue;
        const float share = (k & 1 ? dx : 1 - dx) * (k & 2 ? dy : 1 - dy);
        const float* texel = f.image + (static_cast<ptrdiff_t>(j) * f.side + i) * 4;
        for (int c = 0; c < 4; c++) pixel[c] += share * texel[c];
    }
    return pixel[3] > 0;
}

INLINE float clamp01(float x) { return x < 0 ? 0 : x > 1 ? 1 : x; }

INLINE void look_up(const Frustum& f, const Rays& rays, int ray, Samples& samples) {
    const float *o = rays.origins + 3 * ray, *d = rays.directions + 3 * ray;
    const float middle = -(o[0] * d[0] + o[1] * d[1] + o[2] * d[2]);
    float missed = 0;
    for (int k = 0; k < 3; k++) missed += (o[k] + d[k] * middle) * (o[k] + d[k] * middle);
    samples.count = 0;
    const float left = rays.ball_radius * rays.ball_radius - missed;
    if (!(left > 0)) return;
    const float half = __builtin_sqrtf(left), jitter = rays.jitter ? rays.jitter[ray] : 0.0f;
    samples.step = half * 2 / rays.samples;
    for (int k = 0; k < rays.samples; k++) {
        const float distance = middle + half * ((k + 0.5f + jitter) * (2.0f / rays.samples) - 1);
        const float x = o[0] + d[0] * distance, y = o[1] + d[1] * distance, z = o[2] + d[2] * distance;
        const float up = y * f.cos_elevation - z * f.sin_elevation, towards = y * f.sin_elevation + z * f.cos_elevation;
        const float w = -towards / f.half_depth;
        if (!(__builtin_fabsf(w) < 1)) continue;
        const float depth = __builtin_fmaxf(f.radius - towards, 0.1f) * f.tangent;
        const float u = x / depth, v = -up / depth;
        float pixel[4];
        if (!pixel_at(f, u, v, pixel)) continue;
        const int i = samples.count++;
        samples.corners[i] = corners_at(f, u, v, w);
        Voxel sum = {};
        for (int c = 0; c < 8; c++)
            sum += samples.corners[i].weights[c] *
                   *reinterpret_cast<const Voxel*>(f.voxels + samples.corners[i].offsets[c]);
        for (int c = 0; c < 5; c++) samples.raw[c][i] = sum[c];
        samples.inside[i] = clamp01(pixel[3]);
        const float straight = 1 / __builtin_fmaxf(pixel[3], LEAST_ALPHA);
        for (int c = 0; c < 3; c++) samples.own[c][i] = clamp01(pixel[c] * straight);
    }
}

INLINE Floats sigmoid(Floats x) { return 1.0f / (1.0f + exp(-x)); }

// Colours and densities, and each sample's weight in the pixel; returns what lies behind them all.
INLINE void activate(const Rays& rays, Samples& samples) {
    for (int i = 0; i < samples.count; i += LANES) {
        const Floats sharp = load(samples.raw[0] + i) * SHARPNESS;
        const Floats soft = max(sharp, 0.0f) + log2(1.0f + exp(-abs(sharp))) * LN_2;  // log(1 + e^x)
        store(samples.density + i, soft * rays.density_scale * load(samples.inside + i));
        const Floats blend = sigmoid(load(samples.raw[4] + i));
        store(samples.blend + i, blend);
        for (int c = 0; c < 3; c++) {
            const Floats made = sigmoid(load(samples.raw[1 + c] + i));
            store(samples.color[c] + i, fma(blend, load(samples.own[c] + i) - made, made));
        }
        store(samples.weight + i, 1.0f - exp(load(samples.density + i) * -samples.step));  // the share absorbed
    }
    float transmittance = 1;
    for (int i = 0; i < samples.count; i++) {
        const float absorbed = samples.weight[i];
        samples.transmittance[i] = transmittance;
        samples.weight[i] = absorbed * transmittance;
        transmittance *= 1 - absorbed + TRANSMITTANCE_BIAS;
    }
}

INLINE void clear_tail(Samples& samples) {
    const int end = (samples.count + LANES - 1) / LANES * LANES;
    for (int i = samples.count; i < end; i++) {
        samples.inside[i] = 0;
        for (int c = 0; c < 5; c++) samples.raw[c][i] = 0;
        for (int c = 0; c < 3; c++) samples.own[c][i] = 0;
    }
}

void march(const Frustum& f, const Rays& rays, float* rgba) {
    Samples samples;
    for (int ray = 0; ray < rays.count; ray++, rgba += 4) {
        look_up(f, rays, ray, samples);
        clear_tail(samples);
        activate(rays, samples);
        for (int c = 0; c < 4; c++) rgba[c] = 0;
        for (int i = 0; i < samples.count; i++) {
            for (int c = 0; c < 3; c++) rgba[c] += samples.weight[i] * samples.color[c][i];
            rgba[3] += samples.weight[i];
        }
    }
}

// Adds to `voxel_gradients`, shaped like the voxels.
void march_backward(const Frustum& f, const Rays& rays, const float* rgba_gradients, float* voxel_gradients) {
    Samples samples;
    alignas(64) float wanted[MOST_SAMPLES], by_depth[MOST_SAMPLES], by_raw[5][MOST_SAMPLES];
    for (int ray = 0; ray < rays.count; ray++, rgba_gradients += 4) {
        look_up(f, rays, ray, samples);
        clear_tail(samples);
        activate(rays, samples);
        const float* g = rgba_gradients;
        for (int i = 0; i < samples.count; i++)
            wanted[i] = g[3] + g[0] * samples.color[0][i] + g[1] * samples.color[1][i] + g[2] * samples.color[2][i];
        // d pixel / d optical depth i: its own light, less what it takes from the samples behind it.
        float behind = 0;
        for (int i = samples.count; i-- > 0;) {
            const float absorbed = samples.weight[i] / __builtin_fmaxf(samples.transmittance[i], 1e-30f),
                        left = 1 - absorbed;
            by_depth[i] = left * (samples.transmittance[i] * wanted[i] - behind / (left + TRANSMITTANCE_BIAS));
            behind += samples.weight[i] * wanted[i];
        }
        for (int i = samples.count; i % LANES; i++) by_depth[i] = samples.weight[i] = 0;
        for (int i = 0; i < samples.count; i += LANES) {
            const Floats sharp = load(samples.raw[0] + i) * SHARPNESS, blend = load(samples.blend + i);
            const Floats weight = load(samples.weight + i);
            store(by_raw[0] + i, load(by_depth + i) * samples.step * rays.density_scale * SHARPNESS * sigmoid(sharp) *
                                     load(samples.inside + i));
            Floats by_blend = 0.0f;
            for (int c = 0; c < 3; c++) {
                const Floats made = sigmoid(load(samples.raw[1 + c] + i)), by_color = weight * g[c];
                store(by_raw[1 + c] + i, by_color * (1.0f - blend) * made * (1.0f - made));
                by_blend = fma(by_color, load(samples.own[c] + i) - made, by_blend);
            }
            store(by_raw[4] + i, by_blend * blend * (1.0f - blend));
        }
        for (int i = 0; i < samples.count; i++) {
            const Voxel gradient = {by_raw[0][i], by_raw[1][i], by_raw[2][i], by_raw[3][i], by_raw[4][i], 0, 0, 0};
            for (int c = 0; c < 8; c++)
                *reinterpret_cast<Voxel*>(voxel_gradients + samples.corners[i].offsets[c]) +=
                    samples.corners[i].weights[c] * gradient;
        }
    }
}

}  // namespace
}  // namespace splat
