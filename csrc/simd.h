// Sixteen float or int lanes, on whatever the file is compiled for.
//
// Floats, Ints and Mask have the usual operators, lane by lane, and
//     fma(a, b, c)           a * b + c                negative_fma(a, b, c)   c - a * b
//     reciprocal(a)          1 / a to within a few units in the last place
//     select(m, a, b)        a where m, else b        where(m, a)     a where m, else 0
//     any(m), bits(m)        whether a lane is set; lane k as bit k
//     truncate, to_floats    conversions              as_ints, as_floats   the same bits
//     load, store            64 bytes, aligned        gather(p, index)     p[index] per lane
//     append(p, m, a)        writes the lanes in m to p, p + 1... and returns the end; may overwrite 64 bytes from p
//     or_quads(a)            every lane becomes the or of its group of four
//     store_sums(p, a..d)    p[0..3] = sums of the lanes of a, b, c, d, in a fixed order
//
// These files are compiled once per instruction set. All of it has internal linkage, and the kernels use no templates
// of the standard library, lest the linker hand code for one instruction set to a caller of another.
#pragma once

#if defined(__AVX512F__) && defined(__AVX512DQ__)
#include "simd_avx512.h"
#elif defined(__AVX2__) && defined(__FMA__)
#include "simd_avx2.h"
#else
#include "simd_generic.h"
#endif

namespace splat {
namespace {

constexpr int LANES = 16;
constexpr float LOG2_E = 1.44269504088896341f;
constexpr float LN_2 = 0.69314718055994531f;

alignas(64) constexpr int32_t LANE_INDEX[LANES] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

INLINE Floats operator-(Floats a) { return Floats(0.0f) - a; }
INLINE Floats& operator+=(Floats& a, Floats b) { return a = a + b; }
INLINE Floats clamp(Floats a, Floats low, Floats high) { return min(max(a, low), high); }
INLINE Ints clamp(Ints a, Ints low, Ints high) { return min(max(a, low), high); }

INLINE Ints floor_to_ints(Floats a) {
    const Ints toward_zero = truncate(a);
    return select(a < to_floats(toward_zero), toward_zero - 1, toward_zero);
}

INLINE Ints ceil_to_ints(Floats a) { return Ints(0) - floor_to_ints(-a); }

// Splits x into an integer, returned in the low bits of `shifted`, and a fraction in [-1/2, 1/2]. The rounding trick
// needs the compiler to keep additions in order: no -ffast-math.
INLINE Floats fraction(Floats x, Floats& shifted) {
    constexpr float SHIFT = 12582912.0f;  // 1.5 * 2^23
    shifted = x + SHIFT;
    return x - (shifted - SHIFT);
}

INLINE Floats times_power_of_two(Floats a, Floats shifted) { return as_floats(as_ints(a) + (as_ints(shifted) << 23)); }

// 2^x for x in [-126, 127]; relative error below 2e-7. The coefficients are a minimax fit.
INLINE Floats exp2(Floats x) {
    Floats shifted;
    const Floats f = fraction(x, shifted);
    Floats p = fma(1.3264727202e-3f, f, 9.6715128198e-3f);
    p = fma(p, f, 5.5507337449e-2f);
    p = fma(p, f, 2.4022242083e-1f);
    p = fma(p, f, 6.9314697760e-1f);
    p = fma(p, f, 1.0f);
    return times_power_of_two(p, shifted);
}

// e^x, with x clamped to what float32 can hold; ln 2 is subtracted in two parts (Cody and Waite).
INLINE Floats exp(Floats x) {
    x = clamp(x, -87.0f, 88.0f);
    Floats shifted;
    fraction(x * LOG2_E, shifted);
    const Floats n = shifted - 12582912.0f;
    const Floats f = fma(n, 2.12194440e-4f, fma(n, -0.693359375f, x));
    Floats p = fma(1.9875691500e-4f, f, 1.3981999507e-3f);  // Cephes' expf
    p = fma(p, f, 8.3334519073e-3f);
    p = fma(p, f, 4.1665795894e-2f);
    p = fma(p, f, 1.6666665459e-1f);
    p = fma(p, f, 5.0000001201e-1f);
    return times_power_of_two(fma(p, f * f, f + 1.0f), shifted);
}

// log2(x) for positive, normal x: x = m 2^n with m in [sqrt(1/2), sqrt(2)), and the series of artanh((m - 1) / (m +
// 1)).
INLINE Floats log2(Floats x) {
    const Ints bits_above_half_root = as_ints(x) - 0x3f3504f3;
    const Floats n = to_floats(bits_above_half_root >> 23);
    const Floats m = as_floats((bits_above_half_root & 0x007fffff) + 0x3f3504f3);
    const Floats s = (m - 1.0f) / (m + 1.0f), s2 = s * s;
    Floats p = fma(1.0f / 9, s2, 1.0f / 7);
    p = fma(p, s2, 1.0f / 5);
    p = fma(p, s2, 1.0f / 3);
    p = fma(p, s2, 1.0f);
    return fma(s * (2 * LOG2_E), p, n);
}

}  // namespace
}  // namespace splat
