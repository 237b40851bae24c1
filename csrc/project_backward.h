// Backward, per Gaussian: adds up its pairs' sums and takes them through the projection, sixteen Gaussians at a time.
#pragma once

#include "footprint.h"
#include "project.h"

namespace splat {
namespace {

// Scatters lanes into rows of `width` numbers.
INLINE void write_rows(float* target, int first, int count, int width, const Floats* columns) {
    alignas(64) float lanes[4][LANES];
    for (int k = 0; k < width; k++) store(lanes[k], columns[k]);
    float* row = target + static_cast<size_t>(first) * width;
    for (int lane = 0; lane < count; lane++)
        for (int k = 0; k < width; k++) *row++ = lanes[k][lane];
}

INLINE float color_gradient(const Gaussians& g, size_t i, float drawn) {
    return g.color_offset + g.color_scale * g.colors[i] >= 0.0f ? g.color_scale * drawn : 0.0f;
}

// Adds up the sums of a Gaussian's pairs, in the order of its records.
INLINE void add_up_pairs(const float* pair_sums, uint32_t count, int stride, float* total) {
    for (int k = 0; k < stride; k += LANES) {
        Floats sum = 0.0f;
        for (uint32_t pair = 0; pair < count; pair++) sum += load_unaligned(pair_sums + k + pair * stride);
        store(total + k, sum);
    }
}

// What the image wants of sixteen splats.
struct SplatGradients {
    Floats s, u, v, uu, uv, vv, depth;
};

INLINE SplatGradients gather_pairs(const Frame& frame, const Chunk& chunk, int first, int count, Scratch& scratch,
                                   const GaussianGradients& out) {
    const int extra = frame.gaussians.extra_channels, stride = frame.pair_stride();
    const int row = (stride + LANES - 1) / LANES * LANES;
    scratch.lanes.reserve(LANES * row);
    for (int lane = 0; lane < count; lane++) {
        const size_t i = first + lane;
        const RecordRange range = frame.record_ranges.data[i];
        const size_t slot = static_cast<size_t>(chunk.first_slot) + range.first;
        float* total = scratch.lanes.data + lane * row;
        add_up_pairs(frame.pair_sums.data + slot * stride, range.count, stride, total);
        for (int k = 0; k < 3; k++)
            out.colors[3 * i + k] = color_gradient(frame.gaussians, 3 * i + k, total[GEOMETRY_SUMS + 1 + k]);
        for (int k = 0; k < extra; k++) out.extra[extra * i + k] = total[GEOMETRY_SUMS + 4 + k];
    }
    const Ints rows = min(load(LANE_INDEX), count - 1) * row;
    Floats columns[GEOMETRY_SUMS + 1];
    for (int k = 0; k <= GEOMETRY_SUMS; k++) columns[k] = gather(scratch.lanes.data + k, rows);
    return {columns[0], columns[1], columns[2], columns[3], columns[4], columns[5], columns[6]};
}

// Where alpha = o exp(-½ dᵀ X d) and X = 2 ln 2 L Lᵀ is the inverse of Σ', with L = (ux, 0; uy, vy) and (u, v) = Lᵀ d,
//     v_centre = Σ s X d = 2 ln 2 L Σ s (u, v)        v_Σ' = ½ X (Σ s d dᵀ) X = 2 ln² 2 L (Σ s (u, v)(u, v)ᵀ) Lᵀ
constexpr float CENTER_FACTOR = 2 * LN_2, COVARIANCE_FACTOR = 2 * LN_2 * LN_2;

// Gradients with respect to the footprint's axes A: Σ' = A Aᵀ + blur I, so v_A = 2 v_Σ' A.
INLINE void axes_gradients(const Footprint& f, const SplatGradients& g, Floats out[2][3]) {
    const Floats uu = 2.0f * COVARIANCE_FACTOR * g.uu, uv = 2.0f * COVARIANCE_FACTOR * g.uv;
    const Floats vv = 2.0f * COVARIANCE_FACTOR * g.vv;
    const Floats mixed = fma(f.uy, uu, f.vy * uv);
    const Floats xx = f.ux * f.ux * uu, xy = f.ux * mixed, yy = fma(f.uy, mixed, f.vy * fma(f.uy, uv, f.vy * vv));
    for (int k = 0; k < 3; k++) {
        out[0][k] = fma(xx, f.axes[0][k], xy * f.axes[1][k]);
        out[1][k] = fma(xy, f.axes[0][k], yy * f.axes[1][k]);
    }
}

// Through the centre's projection and the Jacobian at it, back to the world.
INLINE void mean_gradients(const Camera& camera, const Footprint& f, const Floats view_gradients[2][3], Floats screen_x,
                           Floats screen_y, Floats depth, Floats out[3]) {
    const float* w = camera.rotation;
    Floats jxx = 0.0f, jxz = 0.0f, jyy = 0.0f, jyz = 0.0f;
    for (int k = 0; k < 3; k++) {
        jxx = fma(view_gradients[0][k], w[k], jxx), jxz = fma(view_gradients[0][k], w[6 + k], jxz);
        jyy = fma(view_gradients[1][k], w[3 + k], jyy), jyz = fma(view_gradients[1][k], w[6 + k], jyz);
    }
    // J = pixels (1, 0, -slope_x; 0, 1, -slope_y) with pixels = focal / z and slope = x / z unless clamped.
    const Floats pixels = f.inverse_z * camera.focal;
    const Floats pixels_gradient = (jxx - f.slope_x * jxz) + (jyy - f.slope_y * jyz);
    const Floats slope_x_gradient = -(where(f.inside_x, pixels * jxz)),
                 slope_y_gradient = -(where(f.inside_y, pixels * jyz));
    const Floats x_gradient = fma(pixels, screen_x, slope_x_gradient * f.inverse_z);
    const Floats y_gradient = fma(pixels, screen_y, slope_y_gradient * f.inverse_z);
    const Floats z_gradient =
        depth - f.inverse_z * fma(f.x, x_gradient, fma(f.y, y_gradient, pixels * pixels_gradient));
    for (int k = 0; k < 3; k++) out[k] = fma(w[k], x_gradient, fma(w[3 + k], y_gradient, w[6 + k] * z_gradient));
}

INLINE void quat_gradients(const Footprint& f, const Floats r[3][3], Floats out[4]) {
    const Floats w = f.quat[0], x = f.quat[1], y = f.quat[2], z = f.quat[3];
    const Floats wx = r[2][1] - r[1][2], wy = r[0][2] - r[2][0], wz = r[1][0] - r[0][1];
    const Floats xy = r[0][1] + r[1][0], xz = r[0][2] + r[2][0], yz = r[1][2] + r[2][1];
    out[0] = 2.0f * fma(x, wx, fma(y, wy, z * wz));
    out[1] = 2.0f * (fma(w, wx, fma(y, xy, z * xz)) - 2.0f * x * (r[1][1] + r[2][2]));
    out[2] = 2.0f * (fma(w, wy, fma(x, xy, z * yz)) - 2.0f * y * (r[0][0] + r[2][2]));
    out[3] = 2.0f * (fma(w, wz, fma(x, xz, y * yz)) - 2.0f * z * (r[0][0] + r[1][1]));
    // Only what is across the quaternion counts: its length is divided out.
    const Floats along = fma(out[0], w, fma(out[1], x, fma(out[2], y, out[3] * z)));
    for (int k = 0; k < 4; k++) out[k] = (out[k] - along * f.quat[k]) * f.inverse_norm;
}

INLINE void project_lanes_backward(const Frame& frame, const Chunk& chunk, int first, int count, Scratch& scratch,
                                   const GaussianGradients& out) {
    const SplatGradients g = gather_pairs(frame, chunk, first, count, scratch, out);
    const Ints index = lane_indices(first, frame.gaussians.count);
    Footprint f;
    project16(frame, index, f);
    alignas(64) int32_t pair_counts[LANES] = {};
    for (int lane = 0; lane < count; lane++) pair_counts[lane] = frame.record_ranges.data[first + lane].count;
    const Mask seen = Ints(1) <= load(pair_counts);

    const Floats screen[2] = {where(seen, CENTER_FACTOR * f.ux * g.u),
                              where(seen, CENTER_FACTOR * fma(f.uy, g.u, f.vy * g.v))};
    Floats axes[2][3];  // with respect to A = view R diag(scale)
    axes_gradients(f, g, axes);
    Floats view[2][3], rotation[3][3], log_scales[3], means[3], quats[4];
    for (int row = 0; row < 2; row++)
        for (int i = 0; i < 3; i++)
            view[row][i] =
                fma(axes[row][0] * f.scale[0], f.rotation[i][0],
                    fma(axes[row][1] * f.scale[1], f.rotation[i][1], axes[row][2] * f.scale[2] * f.rotation[i][2]));
    for (int k = 0; k < 3; k++) {
        for (int i = 0; i < 3; i++)
            rotation[i][k] = f.scale[k] * fma(f.view[0][i], axes[0][k], f.view[1][i] * axes[1][k]);
        log_scales[k] = where(seen, fma(axes[0][k], f.axes[0][k], axes[1][k] * f.axes[1][k]));
    }
    mean_gradients(frame.camera, f, view, screen[0], screen[1], g.depth, means);
    quat_gradients(f, rotation, quats);
    const Floats logit = gather(frame.gaussians.opacity_logits, index);
    const Floats opacity_logits = g.s * logistic(-logit);  // d alpha / d logit = alpha (1 - opacity)

    for (Floats& gradient : means) gradient = where(seen, gradient);
    for (Floats& gradient : quats) gradient = where(seen, gradient);
    write_rows(out.means, first, count, 3, means);
    write_rows(out.log_scales, first, count, 3, log_scales);
    write_rows(out.quats, first, count, 4, quats);
    write_rows(out.opacity_logits, first, count, 1, &opacity_logits);
    write_rows(out.screen_means, first, count, 2, screen);
}

static void project_backward(Frame& frame, int index, const Chunk& chunk, Scratch& scratch,
                             const GaussianGradients& gradients) {
    const int begin = index * CHUNK;
    const int end = begin + CHUNK < frame.gaussians.count ? begin + CHUNK : frame.gaussians.count;
    for (int first = begin; first < end; first += LANES)
        project_lanes_backward(frame, chunk, first, end - first < LANES ? end - first : LANES, scratch, gradients);
}

}  // namespace
}  // namespace splat
