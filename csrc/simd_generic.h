// Sixteen lanes in four 128-bit vectors of the compiler: SSE, NEON, or whatever there is. See simd.h for what the
// operations mean.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>

#include "inline.h"

namespace splat {
namespace {

typedef float Float4 __attribute__((vector_size(16)));
typedef int32_t Int4 __attribute__((vector_size(16)));

struct Mask {
    Int4 v[4];  // all bits set, or none
};

struct Floats {
    Float4 v[4];
    INLINE_MEMBER Floats() {}
    INLINE_MEMBER Floats(float x) {
        for (Float4& part : v) part = Float4{x, x, x, x};
    }
};

struct Ints {
    Int4 v[4];
    INLINE_MEMBER Ints() {}
    INLINE_MEMBER Ints(int32_t x) {
        for (Int4& part : v) part = Int4{x, x, x, x};
    }
};

#define EACH(type, expression)                       \
    type r;                                          \
    for (int k = 0; k < 4; k++) r.v[k] = expression; \
    return r

INLINE Floats operator+(Floats a, Floats b) { EACH(Floats, a.v[k] + b.v[k]); }
INLINE Floats operator-(Floats a, Floats b) { EACH(Floats, a.v[k] - b.v[k]); }
INLINE Floats operator*(Floats a, Floats b) { EACH(Floats, a.v[k] * b.v[k]); }
INLINE Floats operator/(Floats a, Floats b) { EACH(Floats, a.v[k] / b.v[k]); }
INLINE Floats fma(Floats a, Floats b, Floats c) { EACH(Floats, a.v[k] * b.v[k] + c.v[k]); }
INLINE Floats negative_fma(Floats a, Floats b, Floats c) { EACH(Floats, c.v[k] - a.v[k] * b.v[k]); }
INLINE Floats min(Floats a, Floats b) { EACH(Floats, a.v[k] < b.v[k] ? a.v[k] : b.v[k]); }
INLINE Floats max(Floats a, Floats b) { EACH(Floats, a.v[k] > b.v[k] ? a.v[k] : b.v[k]); }
INLINE Floats sqrt(Floats a) {
    for (Float4& part : a.v)
        part = Float4{std::sqrt(part[0]), std::sqrt(part[1]), std::sqrt(part[2]), std::sqrt(part[3])};
    return a;
}
INLINE Floats abs(Floats a) { EACH(Floats, (Float4)((Int4)a.v[k] & 0x7fffffff)); }
INLINE Floats reciprocal(Floats a) { return Floats(1.0f) / a; }

INLINE Ints operator+(Ints a, Ints b) { EACH(Ints, a.v[k] + b.v[k]); }
INLINE Ints operator-(Ints a, Ints b) { EACH(Ints, a.v[k] - b.v[k]); }
INLINE Ints operator*(Ints a, Ints b) { EACH(Ints, a.v[k] * b.v[k]); }
INLINE Ints operator&(Ints a, Ints b) { EACH(Ints, a.v[k] & b.v[k]); }
INLINE Ints operator|(Ints a, Ints b) { EACH(Ints, a.v[k] | b.v[k]); }
INLINE Ints operator<<(Ints a, Ints n) { EACH(Ints, a.v[k] << n.v[k]); }
INLINE Ints operator>>(Ints a, int n) { EACH(Ints, a.v[k] >> n); }
INLINE Ints min(Ints a, Ints b) { EACH(Ints, a.v[k] < b.v[k] ? a.v[k] : b.v[k]); }
INLINE Ints max(Ints a, Ints b) { EACH(Ints, a.v[k] > b.v[k] ? a.v[k] : b.v[k]); }

INLINE Mask operator<(Floats a, Floats b) { EACH(Mask, a.v[k] < b.v[k]); }
INLINE Mask operator<=(Floats a, Floats b) { EACH(Mask, a.v[k] <= b.v[k]); }
INLINE Mask operator<=(Ints a, Ints b) { EACH(Mask, a.v[k] <= b.v[k]); }
INLINE Mask operator&(Mask a, Mask b) { EACH(Mask, a.v[k] & b.v[k]); }
INLINE Mask and_not(Mask a, Mask b) { EACH(Mask, a.v[k] & ~b.v[k]); }
INLINE bool any(Mask a) {
    const Int4 all = a.v[0] | a.v[1] | a.v[2] | a.v[3];
    int64_t halves[2];
    std::memcpy(halves, &all, sizeof halves);
    return (halves[0] | halves[1]) != 0;
}
INLINE uint32_t bits(Mask a) {
    uint32_t r = 0;
    for (int k = 0; k < 16; k++) r |= (a.v[k / 4][k % 4] & 1u) << k;
    return r;
}
INLINE Floats select(Mask m, Floats a, Floats b) { EACH(Floats, m.v[k] ? a.v[k] : b.v[k]); }
INLINE Ints select(Mask m, Ints a, Ints b) { EACH(Ints, m.v[k] ? a.v[k] : b.v[k]); }
INLINE Floats where(Mask m, Floats a) { EACH(Floats, (Float4)((Int4)a.v[k] & m.v[k])); }

INLINE Ints truncate(Floats a) { EACH(Ints, __builtin_convertvector(a.v[k], Int4)); }
INLINE Floats to_floats(Ints a) { EACH(Floats, __builtin_convertvector(a.v[k], Float4)); }
INLINE Ints as_ints(Floats a) { EACH(Ints, (Int4)a.v[k]); }
INLINE Floats as_floats(Ints a) { EACH(Floats, (Float4)a.v[k]); }

INLINE Floats load(const float* p) { EACH(Floats, reinterpret_cast<const Float4*>(p)[k]); }
INLINE Floats load_unaligned(const float* p) {
    Floats r;
    std::memcpy(&r, p, sizeof r);
    return r;
}
INLINE Ints load(const int32_t* p) { EACH(Ints, reinterpret_cast<const Int4*>(p)[k]); }
INLINE void store(float* p, Floats a) {
    for (int k = 0; k < 4; k++) reinterpret_cast<Float4*>(p)[k] = a.v[k];
}
INLINE void store(int32_t* p, Ints a) {
    for (int k = 0; k < 4; k++) reinterpret_cast<Int4*>(p)[k] = a.v[k];
}
INLINE Ints gather(const int32_t* p, Ints index) {
    Ints r;
    for (int k = 0; k < 4; k++) r.v[k] = Int4{p[index.v[k][0]], p[index.v[k][1]], p[index.v[k][2]], p[index.v[k][3]]};
    return r;
}
INLINE Floats gather(const float* p, Ints index) {
    Floats r;
    for (int k = 0; k < 4; k++) r.v[k] = Float4{p[index.v[k][0]], p[index.v[k][1]], p[index.v[k][2]], p[index.v[k][3]]};
    return r;
}

INLINE int32_t* append(int32_t* p, Mask m, Ints a) {
    alignas(64) int32_t lanes[16];
    store(lanes, a);
    for (uint32_t set = bits(m); set; set &= set - 1) *p++ = lanes[__builtin_ctz(set)];
    return p;
}

INLINE Ints or_quads(Ints a) {
    for (Int4& part : a.v) {
        const int32_t all = part[0] | part[1] | part[2] | part[3];
        part = Int4{all, all, all, all};
    }
    return a;
}

INLINE float sum(Floats a) {
    const Float4 quad = (a.v[0] + a.v[1]) + (a.v[2] + a.v[3]);
    return (quad[0] + quad[1]) + (quad[2] + quad[3]);
}
INLINE void store_sums(float* p, Floats a, Floats b, Floats c, Floats d) {
    p[0] = sum(a);
    p[1] = sum(b);
    p[2] = sum(c);
    p[3] = sum(d);
}

#undef EACH

}  // namespace
}  // namespace splat
