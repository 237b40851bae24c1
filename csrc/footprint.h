// Projecting sixteen Gaussians: the maths that the forward and the backward pass share. Notation as in
// dreamgaussian/raster/reference.py:
//     p  centre in the camera's frame      R, s  rotation and scales       A = J W R S  the own axes on the screen
//     W  the camera's rotation             J     projection's Jacobian     Σ' = A Aᵀ + blur I
#pragma once

#include "frame.h"
#include "simd.h"

namespace splat {
namespace {

struct Footprint {
    Floats x, y, z;  // p
    Floats inverse_z;
    Floats slope_x, slope_y;       // x/z and y/z, clamped to the widened frustum
    Mask inside_x, inside_y;       // where they were not clamped
    Floats quat[4], inverse_norm;  // of unit length, and one over the length before
    Floats scale[3];
    Floats rotation[3][3];                                   // R
    Floats view[2][3];                                       // J W
    Floats axes[2][3];                                       // A
    Floats variance_x, covariance, variance_y, determinant;  // Σ'
    Floats ux, uy, vy;                                       // see Splat
};

// Lanes past the end repeat the last Gaussian.
INLINE Ints lane_indices(int first, int count) { return min(load(LANE_INDEX) + first, count - 1); }

INLINE void rotation_matrix(const Floats q[4], Floats r[3][3]) {
    const Floats w = q[0], x = q[1], y = q[2], z = q[3];
    const Floats x2 = x + x, y2 = y + y, z2 = z + z;
    const Floats xx = x * x2, yy = y * y2, zz = z * z2, xy = x * y2, xz = x * z2, yz = y * z2;
    const Floats wx = w * x2, wy = w * y2, wz = w * z2;
    r[0][0] = 1.0f - (yy + zz), r[0][1] = xy - wz, r[0][2] = xz + wy;
    r[1][0] = xy + wz, r[1][1] = 1.0f - (xx + zz), r[1][2] = yz - wx;
    r[2][0] = xz - wy, r[2][1] = yz + wx, r[2][2] = 1.0f - (xx + yy);
}

INLINE void place(const Camera& camera, const float* means, Ints index, Footprint& f) {
    const Ints row = index * 3;
    const Floats mx = gather(means, row), my = gather(means + 1, row), mz = gather(means + 2, row);
    const float *w = camera.rotation, *t = camera.translation;
    f.x = fma(w[0], mx, fma(w[1], my, fma(w[2], mz, t[0])));
    f.y = fma(w[3], mx, fma(w[4], my, fma(w[5], mz, t[1])));
    f.z = fma(w[6], mx, fma(w[7], my, fma(w[8], mz, t[2])));
    f.inverse_z = 1.0f / f.z;
}

INLINE void orient(const Gaussians& gaussians, Ints index, Footprint& f) {
    const Ints row3 = index * 3, row4 = index * 4;
    Floats q[4], squared(1e-24f);  // a zero quaternion becomes the identity
    for (int k = 0; k < 4; k++) {
        q[k] = gather(gaussians.quats + k, row4);
        squared = fma(q[k], q[k], squared);
    }
    f.inverse_norm = 1.0f / sqrt(squared);
    for (int k = 0; k < 4; k++) f.quat[k] = q[k] * f.inverse_norm;
    for (int k = 0; k < 3; k++) f.scale[k] = exp(gather(gaussians.log_scales + k, row3));
    rotation_matrix(f.quat, f.rotation);
}

INLINE void linearise(const Camera& camera, const Conventions& conventions, Footprint& f) {
    const float limit_x = conventions.frustum_margin * 0.5f * camera.width / camera.focal;
    const float limit_y = conventions.frustum_margin * 0.5f * camera.height / camera.focal;
    const Floats slope_x = f.x * f.inverse_z, slope_y = f.y * f.inverse_z;
    f.inside_x = abs(slope_x) <= limit_x, f.inside_y = abs(slope_y) <= limit_y;
    f.slope_x = clamp(slope_x, -limit_x, limit_x), f.slope_y = clamp(slope_y, -limit_y, limit_y);
    const Floats pixels = f.inverse_z * camera.focal;
    const float* w = camera.rotation;
    for (int k = 0; k < 3; k++) {
        f.view[0][k] = pixels * (w[k] - f.slope_x * w[6 + k]);
        f.view[1][k] = pixels * (w[3 + k] - f.slope_y * w[6 + k]);
    }
}

// The determinant is a sum of squares, |a x b|² + blur (|a|² + |b|²) + blur²: no cancellation for long, thin splats.
INLINE void spread(const Conventions& conventions, Footprint& f) {
    for (int row = 0; row < 2; row++)
        for (int k = 0; k < 3; k++)
            f.axes[row][k] = f.scale[k] * fma(f.view[row][0], f.rotation[0][k],
                                              fma(f.view[row][1], f.rotation[1][k], f.view[row][2] * f.rotation[2][k]));
    const Floats *a = f.axes[0], *b = f.axes[1];
    const Floats aa = fma(a[0], a[0], fma(a[1], a[1], a[2] * a[2]));
    const Floats bb = fma(b[0], b[0], fma(b[1], b[1], b[2] * b[2]));
    const Floats cx = a[1] * b[2] - a[2] * b[1], cy = a[2] * b[0] - a[0] * b[2], cz = a[0] * b[1] - a[1] * b[0];
    const float blur = conventions.blur;
    f.variance_x = aa + blur, f.variance_y = bb + blur;
    f.covariance = fma(a[0], b[0], fma(a[1], b[1], a[2] * b[2]));
    f.determinant = fma(cx, cx, fma(cy, cy, cz * cz)) + fma(blur, aa + bb, blur * blur);
    const Floats inverse_y = 1.0f / f.variance_y;
    f.ux = sqrt(0.5f * LOG2_E * f.variance_y / f.determinant);
    f.uy = -(f.ux * f.covariance * inverse_y);
    f.vy = sqrt(0.5f * LOG2_E * inverse_y);
}

INLINE void project16(const Frame& frame, Ints index, Footprint& f) {
    place(frame.camera, frame.gaussians.means, index, f);
    orient(frame.gaussians, index, f);
    linearise(frame.camera, frame.conventions, f);
    spread(frame.conventions, f);
}

}  // namespace
}  // namespace splat
