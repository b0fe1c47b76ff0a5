// Products of matrices whose sides are channels: small, never a power of two, and with rows that lie in larger ones.
#pragma once
#include <algorithm>
#include <cstddef>

#include "lanes.h"

enum Act { NONE, RELU, SIGMOID };

// What becomes of a product: it begins at `bias` or at what stands there (`add`), and may end in a ReLU.
struct Ends {
    const float* bias = nullptr;
    bool relu = false, add = false;
};

// One tile of ROWS x (16·VECTORS), the last vector in part. UP: A's columns are adjacent and its rows `a_step` apart; otherwise the
// other way round (A transposed).
template <int ROWS, int VECTORS, bool UP>
inline void tile(int k, const float* a, ptrdiff_t a_step, const float* b, ptrdiff_t b_step, float* c, ptrdiff_t c_step, Some last, Ends e) {
    // Every loop over the sums is unrolled: otherwise the compiler keeps them in memory.
    Lanes sum[ROWS][VECTORS];
    const Some whole = first(LANES);
    if (e.add) {
        UNROLL for (int i = 0; i < ROWS; i++) UNROLL for (int j = 0; j < VECTORS; j++)
            sum[i][j] = load(j == VECTORS - 1 ? last : whole, c + i * c_step + LANES * j);
    } else {
        UNROLL for (int j = 0; j < VECTORS; j++) {
            Lanes v = e.bias ? load(j == VECTORS - 1 ? last : whole, e.bias + LANES * j) : all(0);
            UNROLL for (int i = 0; i < ROWS; i++) sum[i][j] = v;
        }
    }
    constexpr int GROUPS = (ROWS + 2) / 3;  // x86 addresses p, p + step and p + 2·step from two registers
    const float* p[GROUPS];
    UNROLL for (int g = 0; g < GROUPS; g++) p[g] = a + 3 * g * a_step;
    for (int n = 0; n < k; n++) {
        Lanes row[VECTORS];
        UNROLL for (int j = 0; j < VECTORS; j++) row[j] = load(j == VECTORS - 1 ? last : whole, b + LANES * j);
        UNROLL for (int i = 0; i < ROWS; i++) {
            Lanes x = all(UP ? p[i / 3][(i % 3) * a_step] : a[i]);
            UNROLL for (int j = 0; j < VECTORS; j++) sum[i][j] = fma(x, row[j], sum[i][j]);
        }
        b += b_step;
        if (UP) {
            UNROLL for (int g = 0; g < GROUPS; g++) p[g]++;
        } else {
            a += a_step;
        }
    }
    if (e.relu) UNROLL for (int i = 0; i < ROWS; i++) UNROLL for (int j = 0; j < VECTORS; j++) sum[i][j] = relu(sum[i][j]);
    UNROLL for (int i = 0; i < ROWS; i++) UNROLL for (int j = 0; j < VECTORS; j++)
        store(j == VECTORS - 1 ? last : whole, c + i * c_step + LANES * j, sum[i][j]);
}

template <int ROWS, int VECTORS, bool UP>
void strip(int m, int k, const float* a, ptrdiff_t a_step, const float* b, ptrdiff_t b_step, float* c, ptrdiff_t c_step, Some last, Ends e) {
    const ptrdiff_t down = UP ? a_step : 1;
    int i = 0;
    for (; i + ROWS <= m; i += ROWS) tile<ROWS, VECTORS, UP>(k, a + i * down, a_step, b, b_step, c + i * c_step, c_step, last, e);
    if (ROWS > 4) for (; i + 4 <= m; i += 4) tile<4, VECTORS, UP>(k, a + i * down, a_step, b, b_step, c + i * c_step, c_step, last, e);
    for (; i < m; i++) tile<1, VECTORS, UP>(k, a + i * down, a_step, b, b_step, c + i * c_step, c_step, last, e);
}

// How many of the vectors that are left of a row of B one tile takes.
inline int together(int left) {
    if (REGISTERS == 32) return left == 5 || left == 6 ? 3 : std::min(left, 4);
    return left == 4 ? 2 : std::min(left, 3);
}

// C (m x n) = A (m x k) · B (k x n). Rows of B and C lie b_step and c_step floats apart; A: see `tile`.
template <bool UP>
void multiply(int m, int n, int k, const float* a, ptrdiff_t a_step, const float* b, ptrdiff_t b_step, float* c, ptrdiff_t c_step, Ends e) {
    const float* bias = e.bias;
    for (int j = 0; j < n;) {
        const int left = (n - j + LANES - 1) / LANES, vectors = together(left);
        const int wide = std::min(vectors * LANES, n - j);
        const Some last = first(wide - LANES * (vectors - 1));
        e.bias = bias ? bias + j : nullptr;
        constexpr bool MANY = REGISTERS == 32;  // as many rows as sums fit into the registers, beside a row of B and a value of A
        switch (vectors) {
            case 1: strip<MANY ? 16 : 8, 1, UP>(m, k, a, a_step, b + j, b_step, c + j, c_step, last, e); break;
            case 2: strip<MANY ? 12 : 6, 2, UP>(m, k, a, a_step, b + j, b_step, c + j, c_step, last, e); break;
            case 3: strip<MANY ? 8 : 4, 3, UP>(m, k, a, a_step, b + j, b_step, c + j, c_step, last, e); break;
            default: strip<6, MANY ? 4 : 2, UP>(m, k, a, a_step, b + j, b_step, c + j, c_step, last, e);
        }
        j += wide;
    }
}

// C (m x n) += Aᵀ·B, where A is pixels x m and B pixels x n: what a weight's gradient is. In pieces that stay in the first cache.
inline void add_transposed(int pixels, int m, int n, const float* a, ptrdiff_t a_step, const float* b, ptrdiff_t b_step, float* c) {
    constexpr int PIECE = 192;
    for (int p = 0; p < pixels; p += PIECE)
        multiply<false>(m, n, std::min(PIECE, pixels - p), a + p * a_step, a_step, b + p * b_step, b_step, c, n, {nullptr, false, true});
}
