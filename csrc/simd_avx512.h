// Sixteen lanes in one AVX-512 register. See simd.h for what the operations mean.
#pragma once

#include <immintrin.h>

#include <cstdint>

#include "inline.h"

namespace splat {
namespace {

struct Mask {
    __mmask16 v;
};

struct Floats {
    __m512 v;
    INLINE_MEMBER Floats() {}
    INLINE_MEMBER Floats(__m512 raw) : v(raw) {}
    INLINE_MEMBER Floats(float x) : v(_mm512_set1_ps(x)) {}
};

struct Ints {
    __m512i v;
    INLINE_MEMBER Ints() {}
    INLINE_MEMBER Ints(__m512i raw) : v(raw) {}
    INLINE_MEMBER Ints(int32_t x) : v(_mm512_set1_epi32(x)) {}
};

INLINE Floats operator+(Floats a, Floats b) { return _mm512_add_ps(a.v, b.v); }
INLINE Floats operator-(Floats a, Floats b) { return _mm512_sub_ps(a.v, b.v); }
INLINE Floats operator*(Floats a, Floats b) { return _mm512_mul_ps(a.v, b.v); }
INLINE Floats operator/(Floats a, Floats b) { return _mm512_div_ps(a.v, b.v); }
INLINE Floats fma(Floats a, Floats b, Floats c) { return _mm512_fmadd_ps(a.v, b.v, c.v); }
INLINE Floats negative_fma(Floats a, Floats b, Floats c) { return _mm512_fnmadd_ps(a.v, b.v, c.v); }
INLINE Floats min(Floats a, Floats b) { return _mm512_min_ps(a.v, b.v); }
INLINE Floats max(Floats a, Floats b) { return _mm512_max_ps(a.v, b.v); }
INLINE Floats sqrt(Floats a) { return _mm512_sqrt_ps(a.v); }
INLINE Floats abs(Floats a) { return _mm512_abs_ps(a.v); }
INLINE Floats reciprocal(Floats a) {
    Floats r = _mm512_rcp14_ps(a.v);
    return r * _mm512_fnmadd_ps(a.v, r.v, _mm512_set1_ps(2.0f));
}

INLINE Ints operator+(Ints a, Ints b) { return _mm512_add_epi32(a.v, b.v); }
INLINE Ints operator-(Ints a, Ints b) { return _mm512_sub_epi32(a.v, b.v); }
INLINE Ints operator*(Ints a, Ints b) { return _mm512_mullo_epi32(a.v, b.v); }
INLINE Ints operator&(Ints a, Ints b) { return _mm512_and_si512(a.v, b.v); }
INLINE Ints operator|(Ints a, Ints b) { return _mm512_or_si512(a.v, b.v); }
INLINE Ints operator<<(Ints a, Ints n) { return _mm512_sllv_epi32(a.v, n.v); }
INLINE Ints operator>>(Ints a, int n) { return _mm512_srai_epi32(a.v, n); }
INLINE Ints min(Ints a, Ints b) { return _mm512_min_epi32(a.v, b.v); }
INLINE Ints max(Ints a, Ints b) { return _mm512_max_epi32(a.v, b.v); }

INLINE Mask operator<(Floats a, Floats b) { return {_mm512_cmp_ps_mask(a.v, b.v, _CMP_LT_OQ)}; }
INLINE Mask operator<=(Floats a, Floats b) { return {_mm512_cmp_ps_mask(a.v, b.v, _CMP_LE_OQ)}; }
INLINE Mask operator<=(Ints a, Ints b) { return {_mm512_cmp_epi32_mask(a.v, b.v, _MM_CMPINT_LE)}; }
INLINE Mask operator&(Mask a, Mask b) { return {static_cast<__mmask16>(a.v & b.v)}; }
INLINE Mask and_not(Mask a, Mask b) { return {static_cast<__mmask16>(a.v & ~b.v)}; }
INLINE bool any(Mask a) { return a.v != 0; }
INLINE uint32_t bits(Mask a) { return a.v; }
INLINE Floats select(Mask m, Floats a, Floats b) { return _mm512_mask_blend_ps(m.v, b.v, a.v); }
INLINE Ints select(Mask m, Ints a, Ints b) { return _mm512_mask_blend_epi32(m.v, b.v, a.v); }
INLINE Floats where(Mask m, Floats a) { return _mm512_maskz_mov_ps(m.v, a.v); }

INLINE Ints truncate(Floats a) { return _mm512_cvttps_epi32(a.v); }
INLINE Floats to_floats(Ints a) { return _mm512_cvtepi32_ps(a.v); }
INLINE Ints as_ints(Floats a) { return _mm512_castps_si512(a.v); }
INLINE Floats as_floats(Ints a) { return _mm512_castsi512_ps(a.v); }

INLINE Floats load(const float* p) { return _mm512_load_ps(p); }
INLINE Floats load_unaligned(const float* p) { return _mm512_loadu_ps(p); }
INLINE Ints load(const int32_t* p) { return _mm512_load_si512(p); }
INLINE void store(float* p, Floats a) { _mm512_store_ps(p, a.v); }
INLINE void store(int32_t* p, Ints a) { _mm512_store_si512(p, a.v); }
INLINE Ints gather(const int32_t* p, Ints index) { return _mm512_i32gather_epi32(index.v, p, 4); }
INLINE Floats gather(const float* p, Ints index) { return _mm512_i32gather_ps(index.v, p, 4); }

INLINE int32_t* append(int32_t* p, Mask m, Ints a) {
    _mm512_storeu_si512(p, _mm512_maskz_compress_epi32(m.v, a.v));
    return p + __builtin_popcount(m.v);
}

INLINE Ints or_quads(Ints a) {
    a = a | Ints(_mm512_shuffle_epi32(a.v, _MM_PERM_BADC));
    return a | Ints(_mm512_shuffle_epi32(a.v, _MM_PERM_CDAB));
}

INLINE void store_sums(float* p, Floats a, Floats b, Floats c, Floats d) {
    const __m512 ab = _mm512_add_ps(_mm512_unpacklo_ps(a.v, b.v), _mm512_unpackhi_ps(a.v, b.v));
    const __m512 cd = _mm512_add_ps(_mm512_unpacklo_ps(c.v, d.v), _mm512_unpackhi_ps(c.v, d.v));
    const __m512 quads = _mm512_add_ps(_mm512_shuffle_ps(ab, cd, _MM_SHUFFLE(1, 0, 1, 0)),
                                       _mm512_shuffle_ps(ab, cd, _MM_SHUFFLE(3, 2, 3, 2)));
    const __m256 halves = _mm256_add_ps(_mm512_castps512_ps256(quads), _mm512_extractf32x8_ps(quads, 1));
    _mm_storeu_ps(p, _mm_add_ps(_mm256_castps256_ps128(halves), _mm256_extractf128_ps(halves, 1)));
}

}  // namespace
}  // namespace splat
