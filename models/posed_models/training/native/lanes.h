// LANES floats at once, and a part of them where a row of channels ends: AVX-512 or AVX2 where the compiler was told of it, plain C++ elsewhere.
#pragma once
#include <cmath>
#include <cstdint>

#define UNROLL _Pragma("GCC unroll 16")

#if defined(__AVX512F__)
#include <immintrin.h>

constexpr int LANES = 16, REGISTERS = 32;
using Lanes = __m512;
using Some = __mmask16;  // which lanes

inline Some first(int n) { return n >= LANES ? Some(0xffff) : n <= 0 ? Some(0) : Some((1u << n) - 1); }
inline Lanes load(Some s, const float* p) { return _mm512_maskz_loadu_ps(s, p); }
inline void store(Some s, float* p, Lanes v) { _mm512_mask_storeu_ps(p, s, v); }
inline Lanes all(float v) { return _mm512_set1_ps(v); }
inline Lanes add(Lanes a, Lanes b) { return _mm512_add_ps(a, b); }
inline Lanes mul(Lanes a, Lanes b) { return _mm512_mul_ps(a, b); }
inline Lanes fma(Lanes a, Lanes b, Lanes c) { return _mm512_fmadd_ps(a, b, c); }
inline Lanes relu(Lanes a) { return _mm512_max_ps(a, _mm512_setzero_ps()); }
// v where `of` is above 0, else 0.
inline Lanes where_positive(Lanes of, Lanes v) {
    return _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(of, _mm512_setzero_ps(), _CMP_GT_OQ), v);
}
inline Lanes nearest(Lanes a) { return _mm512_roundscale_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
inline Lanes between(Lanes a, Lanes low, Lanes high) { return _mm512_min_ps(_mm512_max_ps(a, low), high); }
// v where `of` lies from low to high, else 0.
inline Lanes where_between(Lanes of, Lanes low, Lanes high, Lanes v) {
    return _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(of, low, _CMP_GE_OQ) & _mm512_cmp_ps_mask(of, high, _CMP_LE_OQ), v);
}
inline __m512i places(int a, int step, int other) {  // a, other + a, a + step, other + a + step … or a, a + step, … if other is 0
    alignas(64) int at[LANES];
    for (int i = 0; i < LANES; i++) at[i] = other ? a + (i / 2) * step + (i % 2) * other : a + i * step;
    return _mm512_load_si512(at);
}
// a0 b0 a1 b1 …: the first and the second half.
inline void interleave(Lanes a, Lanes b, Lanes& low, Lanes& high) {
    low = _mm512_permutex2var_ps(a, places(0, 1, LANES), b);
    high = _mm512_permutex2var_ps(a, places(8, 1, LANES), b);
}
// The even and the odd ones of two vectors.
inline void separate(Lanes low, Lanes high, Lanes& even, Lanes& odd) {
    even = _mm512_permutex2var_ps(low, places(0, 2, 0), high);
    odd = _mm512_permutex2var_ps(low, places(1, 2, 0), high);
}

#elif defined(__AVX2__) && defined(__FMA__)
#include <immintrin.h>

constexpr int LANES = 8, REGISTERS = 16;
using Lanes = __m256;
struct Some {  // the first n
    int n;
    __m256i mask;
};

inline Some first(int n) {
    n = n >= LANES ? LANES : n <= 0 ? 0 : n;
    return {n, _mm256_cmpgt_epi32(_mm256_set1_epi32(n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7))};
}
inline Lanes load(Some s, const float* p) { return s.n == LANES ? _mm256_loadu_ps(p) : _mm256_maskload_ps(p, s.mask); }
// Masked stores take tens of cycles on some processors, and half a vector is what most rows end in.
inline void store(Some s, float* p, Lanes v) {
    if (s.n == LANES) {
        _mm256_storeu_ps(p, v);
    } else if (s.n == LANES / 2) {
        _mm_storeu_ps(p, _mm256_castps256_ps128(v));
    } else {
        _mm256_maskstore_ps(p, s.mask, v);
    }
}
inline Lanes all(float v) { return _mm256_set1_ps(v); }
inline Lanes add(Lanes a, Lanes b) { return _mm256_add_ps(a, b); }
inline Lanes mul(Lanes a, Lanes b) { return _mm256_mul_ps(a, b); }
inline Lanes fma(Lanes a, Lanes b, Lanes c) { return _mm256_fmadd_ps(a, b, c); }
inline Lanes relu(Lanes a) { return _mm256_max_ps(a, _mm256_setzero_ps()); }
inline Lanes where_positive(Lanes of, Lanes v) { return _mm256_and_ps(_mm256_cmp_ps(of, _mm256_setzero_ps(), _CMP_GT_OQ), v); }
inline Lanes nearest(Lanes a) { return _mm256_round_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
inline Lanes between(Lanes a, Lanes low, Lanes high) { return _mm256_min_ps(_mm256_max_ps(a, low), high); }
inline Lanes where_between(Lanes of, Lanes low, Lanes high, Lanes v) {
    return _mm256_and_ps(_mm256_and_ps(_mm256_cmp_ps(of, low, _CMP_GE_OQ), _mm256_cmp_ps(of, high, _CMP_LE_OQ)), v);
}
inline void interleave(Lanes a, Lanes b, Lanes& low, Lanes& high) {
    const Lanes l = _mm256_unpacklo_ps(a, b), h = _mm256_unpackhi_ps(a, b);  // 0 1 and 4 5, 2 3 and 6 7 of both
    low = _mm256_permute2f128_ps(l, h, 0x20);
    high = _mm256_permute2f128_ps(l, h, 0x31);
}
inline void separate(Lanes low, Lanes high, Lanes& even, Lanes& odd) {
    const Lanes a = _mm256_permute2f128_ps(low, high, 0x20), b = _mm256_permute2f128_ps(low, high, 0x31);
    even = _mm256_shuffle_ps(a, b, _MM_SHUFFLE(2, 0, 2, 0));
    odd = _mm256_shuffle_ps(a, b, _MM_SHUFFLE(3, 1, 3, 1));
}

#else

constexpr int LANES = 16, REGISTERS = 32;
struct Lanes {
    float v[LANES];
};
using Some = int;  // how many of the first lanes

inline Some first(int n) { return n >= LANES ? LANES : n <= 0 ? 0 : n; }
#define EACH(expression)                               \
    Lanes r;                                           \
    for (int i = 0; i < LANES; i++) r.v[i] = expression; \
    return r
inline Lanes load(Some s, const float* p) { EACH(i < s ? p[i] : 0.0f); }
inline void store(Some s, float* p, Lanes v) {
    for (int i = 0; i < s; i++) p[i] = v.v[i];
}
inline Lanes all(float v) { EACH(v); }
inline Lanes add(Lanes a, Lanes b) { EACH(a.v[i] + b.v[i]); }
inline Lanes mul(Lanes a, Lanes b) { EACH(a.v[i] * b.v[i]); }
inline Lanes fma(Lanes a, Lanes b, Lanes c) { EACH(a.v[i] * b.v[i] + c.v[i]); }
inline Lanes relu(Lanes a) { EACH(a.v[i] > 0 ? a.v[i] : 0.0f); }
inline Lanes where_positive(Lanes of, Lanes v) { EACH(of.v[i] > 0 ? v.v[i] : 0.0f); }
inline Lanes nearest(Lanes a) { EACH(std::nearbyint(a.v[i])); }
inline Lanes between(Lanes a, Lanes low, Lanes high) { EACH(a.v[i] < low.v[i] ? low.v[i] : a.v[i] > high.v[i] ? high.v[i] : a.v[i]); }
inline Lanes where_between(Lanes of, Lanes low, Lanes high, Lanes v) { EACH(of.v[i] >= low.v[i] && of.v[i] <= high.v[i] ? v.v[i] : 0.0f); }
#undef EACH
inline void interleave(Lanes a, Lanes b, Lanes& low, Lanes& high) {
    for (int i = 0; i < LANES / 2; i++) {
        low.v[2 * i] = a.v[i], low.v[2 * i + 1] = b.v[i];
        high.v[2 * i] = a.v[i + 8], high.v[2 * i + 1] = b.v[i + 8];
    }
}
inline void separate(Lanes low, Lanes high, Lanes& even, Lanes& odd) {
    for (int i = 0; i < LANES / 2; i++) {
        even.v[i] = low.v[2 * i], odd.v[i] = low.v[2 * i + 1];
        even.v[i + 8] = high.v[2 * i], odd.v[i + 8] = high.v[2 * i + 1];
    }
}
#endif
