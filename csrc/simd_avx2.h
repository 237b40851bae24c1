// Sixteen lanes in two AVX2 registers. See simd.h for what the operations mean.
#pragma once

#include <immintrin.h>

#include <cstdint>

#include "inline.h"

namespace splat {
namespace {

struct Mask {
    __m256 lo, hi;
};

struct Floats {
    __m256 lo, hi;
    INLINE_MEMBER Floats() {}
    INLINE_MEMBER Floats(__m256 low, __m256 high) : lo(low), hi(high) {}
    INLINE_MEMBER Floats(float x) : lo(_mm256_set1_ps(x)), hi(lo) {}
};

struct Ints {
    __m256i lo, hi;
    INLINE_MEMBER Ints() {}
    INLINE_MEMBER Ints(__m256i low, __m256i high) : lo(low), hi(high) {}
    INLINE_MEMBER Ints(int32_t x) : lo(_mm256_set1_epi32(x)), hi(lo) {}
};

#define BOTH(f, a, b) {f((a).lo, (b).lo), f((a).hi, (b).hi)}
#define EACH(f, a) {f((a).lo), f((a).hi)}

INLINE Floats operator+(Floats a, Floats b) { return BOTH(_mm256_add_ps, a, b); }
INLINE Floats operator-(Floats a, Floats b) { return BOTH(_mm256_sub_ps, a, b); }
INLINE Floats operator*(Floats a, Floats b) { return BOTH(_mm256_mul_ps, a, b); }
INLINE Floats operator/(Floats a, Floats b) { return BOTH(_mm256_div_ps, a, b); }
INLINE Floats fma(Floats a, Floats b, Floats c) {
    return {_mm256_fmadd_ps(a.lo, b.lo, c.lo), _mm256_fmadd_ps(a.hi, b.hi, c.hi)};
}
INLINE Floats negative_fma(Floats a, Floats b, Floats c) {
    return {_mm256_fnmadd_ps(a.lo, b.lo, c.lo), _mm256_fnmadd_ps(a.hi, b.hi, c.hi)};
}
INLINE Floats min(Floats a, Floats b) { return BOTH(_mm256_min_ps, a, b); }
INLINE Floats max(Floats a, Floats b) { return BOTH(_mm256_max_ps, a, b); }
INLINE Floats sqrt(Floats a) { return EACH(_mm256_sqrt_ps, a); }
INLINE Floats abs(Floats a) {
    const Floats sign(-0.0f);
    return BOTH(_mm256_andnot_ps, sign, a);
}
INLINE Floats reciprocal(Floats a) { return Floats(1.0f) / a; }

INLINE Ints operator+(Ints a, Ints b) { return BOTH(_mm256_add_epi32, a, b); }
INLINE Ints operator-(Ints a, Ints b) { return BOTH(_mm256_sub_epi32, a, b); }
INLINE Ints operator*(Ints a, Ints b) { return BOTH(_mm256_mullo_epi32, a, b); }
INLINE Ints operator&(Ints a, Ints b) { return BOTH(_mm256_and_si256, a, b); }
INLINE Ints operator|(Ints a, Ints b) { return BOTH(_mm256_or_si256, a, b); }
INLINE Ints operator<<(Ints a, Ints n) { return BOTH(_mm256_sllv_epi32, a, n); }
INLINE Ints operator>>(Ints a, int n) { return {_mm256_srai_epi32(a.lo, n), _mm256_srai_epi32(a.hi, n)}; }
INLINE Ints min(Ints a, Ints b) { return BOTH(_mm256_min_epi32, a, b); }
INLINE Ints max(Ints a, Ints b) { return BOTH(_mm256_max_epi32, a, b); }

INLINE Ints truncate(Floats a) { return EACH(_mm256_cvttps_epi32, a); }
INLINE Floats to_floats(Ints a) { return EACH(_mm256_cvtepi32_ps, a); }
INLINE Ints as_ints(Floats a) { return EACH(_mm256_castps_si256, a); }
INLINE Floats as_floats(Ints a) { return EACH(_mm256_castsi256_ps, a); }

INLINE Mask operator<(Floats a, Floats b) {
    return {_mm256_cmp_ps(a.lo, b.lo, _CMP_LT_OQ), _mm256_cmp_ps(a.hi, b.hi, _CMP_LT_OQ)};
}
INLINE Mask operator<=(Floats a, Floats b) {
    return {_mm256_cmp_ps(a.lo, b.lo, _CMP_LE_OQ), _mm256_cmp_ps(a.hi, b.hi, _CMP_LE_OQ)};
}
INLINE Mask operator&(Mask a, Mask b) { return BOTH(_mm256_and_ps, a, b); }
INLINE Mask and_not(Mask a, Mask b) { return BOTH(_mm256_andnot_ps, b, a); }
INLINE Mask operator<=(Ints a, Ints b) {
    const Floats greater = as_floats(BOTH(_mm256_cmpgt_epi32, a, b));
    return and_not(Mask EACH(_mm256_castsi256_ps, Ints(-1)), Mask{greater.lo, greater.hi});
}
INLINE bool any(Mask a) { return _mm256_movemask_ps(_mm256_or_ps(a.lo, a.hi)) != 0; }
INLINE uint32_t bits(Mask a) { return static_cast<uint32_t>(_mm256_movemask_ps(a.lo) | _mm256_movemask_ps(a.hi) << 8); }
INLINE Floats select(Mask m, Floats a, Floats b) {
    return {_mm256_blendv_ps(b.lo, a.lo, m.lo), _mm256_blendv_ps(b.hi, a.hi, m.hi)};
}
INLINE Ints select(Mask m, Ints a, Ints b) { return as_ints(select(m, as_floats(a), as_floats(b))); }
INLINE Floats where(Mask m, Floats a) { return BOTH(_mm256_and_ps, m, a); }

INLINE Floats load(const float* p) { return {_mm256_load_ps(p), _mm256_load_ps(p + 8)}; }
INLINE Floats load_unaligned(const float* p) { return {_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)}; }
INLINE Ints load(const int32_t* p) {
    const __m256i* q = reinterpret_cast<const __m256i*>(p);
    return {_mm256_load_si256(q), _mm256_load_si256(q + 1)};
}
INLINE void store(float* p, Floats a) {
    _mm256_store_ps(p, a.lo);
    _mm256_store_ps(p + 8, a.hi);
}
INLINE void store(int32_t* p, Ints a) {
    __m256i* q = reinterpret_cast<__m256i*>(p);
    _mm256_store_si256(q, a.lo);
    _mm256_store_si256(q + 1, a.hi);
}
INLINE Ints gather(const int32_t* p, Ints index) {
    return {_mm256_i32gather_epi32(p, index.lo, 4), _mm256_i32gather_epi32(p, index.hi, 4)};
}
INLINE Floats gather(const float* p, Ints index) {
    return {_mm256_i32gather_ps(p, index.lo, 4), _mm256_i32gather_ps(p, index.hi, 4)};
}

INLINE int32_t* append(int32_t* p, Mask m, Ints a) {
    alignas(64) int32_t lanes[16];
    store(lanes, a);
    for (uint32_t set = bits(m); set; set &= set - 1) *p++ = lanes[__builtin_ctz(set)];
    return p;
}

INLINE Ints or_quads(Ints a) {
    a = a | Ints{_mm256_shuffle_epi32(a.lo, 0x4e), _mm256_shuffle_epi32(a.hi, 0x4e)};
    return a | Ints{_mm256_shuffle_epi32(a.lo, 0xb1), _mm256_shuffle_epi32(a.hi, 0xb1)};
}

INLINE void store_sums(float* p, Floats a, Floats b, Floats c, Floats d) {
    const __m256 ab = _mm256_hadd_ps(_mm256_add_ps(a.lo, a.hi), _mm256_add_ps(b.lo, b.hi));
    const __m256 cd = _mm256_hadd_ps(_mm256_add_ps(c.lo, c.hi), _mm256_add_ps(d.lo, d.hi));
    const __m256 abcd = _mm256_hadd_ps(ab, cd);
    _mm_storeu_ps(p, _mm_add_ps(_mm256_castps256_ps128(abcd), _mm256_extractf128_ps(abcd, 1)));
}

#undef BOTH
#undef EACH

}  // namespace
}  // namespace splat
