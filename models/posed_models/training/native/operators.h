// The operators of a folded Lite-HRNet, forward and backward, on one picture.
//
// In and out: views, height x width x channels floats with the channels of a pixel adjacent. A backward function takes the gradient of its
// result and gives the gradients of its inputs; `begins` says that nothing was written to one yet. Weights' gradients are added up.
#pragma once
#include <cstring>

#include "matrix.h"

struct View {
    float* at;
    int height, width, channels, row;  // pixels lie `row` floats apart

    int pixels() const { return height * width; }
    float* pixel(int y, int x) const { return at + (static_cast<ptrdiff_t>(y) * width + x) * row; }
};

#define NOINLINE __attribute__((noinline))
#define EACH_LANES(channels)                        \
    for (int c = 0; c < (channels); c += LANES)     \
        if (const Some s = first((channels)-c); true)

// Of a power of two: sides are halved and doubled only.
inline int log2(int n) { return __builtin_ctz(static_cast<unsigned>(n)); }

inline void put(bool begins, Some s, float* p, Lanes v) { store(s, p, begins ? v : add(v, load(s, p))); }

// ---- 1x1 convolution. Weights: outputs x inputs; `turned`: inputs x outputs.

NOINLINE inline void pointwise(View x, View y, const float* turned, const float* bias, Act act) {
    multiply<true>(y.pixels(), y.channels, x.channels, x.at, x.row, turned, y.channels, y.at, y.row, {bias, act == RELU, false});
    if (act == SIGMOID)
        for (int p = 0; p < y.pixels(); p++)
            for (int c = 0; c < y.channels; c++) y.at[p * y.row + c] = 1 / (1 + std::exp(-y.at[p * y.row + c]));
}

// The gradient before the activation, in place, and the bias's.
NOINLINE inline void activation_back(View y, View dy, Act act, float* dbias) {
    EACH_LANES(y.channels) {
        Lanes sum = load(s, dbias + c);
        const float* v = y.at + c;
        float* d = dy.at + c;
        for (int p = 0; p < y.pixels(); p++, v += y.row, d += dy.row) {
            Lanes g = load(s, d);
            if (act == RELU) store(s, d, g = where_positive(load(s, v), g));
            if (act == SIGMOID) {
                const Lanes z = load(s, v);
                store(s, d, g = mul(g, mul(z, fma(z, all(-1), all(1)))));
            }
            sum = add(sum, g);
        }
        store(s, dbias + c, sum);
    }
}

NOINLINE inline void pointwise_back(View x, View y, View dy, View dx, bool begins, const float* w, float* dw, float* dbias, Act act) {
    activation_back(y, dy, act, dbias);
    add_transposed(y.pixels(), y.channels, x.channels, dy.at, dy.row, x.at, x.row, dw);
    multiply<true>(y.pixels(), x.channels, y.channels, dy.at, dy.row, w, x.channels, dx.at, dx.row, {nullptr, false, !begins});
}

// ---- The stem's 3x3 convolution of stride 2 with ReLU. Weights: outputs x (3·3·inputs); `columns`: pixels x (3·3·inputs), kept.

NOINLINE inline void stem(View x, View columns, View y, const float* turned, const float* bias) {
    for (int r = 0; r < y.height; r++)
        for (int q = 0; q < y.width; q++) {
            float* to = columns.pixel(r, q);
            for (int k = 0; k < 9; k++, to += x.channels) {
                const int yy = 2 * r - 1 + k / 3, xx = 2 * q - 1 + k % 3;
                const bool inside = yy >= 0 && yy < x.height && xx >= 0 && xx < x.width;
                for (int c = 0; c < x.channels; c++) to[c] = inside ? x.pixel(yy, xx)[c] : 0;
            }
        }
    pointwise(columns, y, turned, bias, RELU);
}

NOINLINE inline void stem_back(View columns, View y, View dy, float* dw, float* dbias) {
    activation_back(y, dy, RELU, dbias);
    add_transposed(y.pixels(), y.channels, columns.channels, dy.at, dy.row, columns.at, columns.row, dw);
}

// ---- Depthwise 3x3 convolution of stride 1 or 2. Weights `turned`: 9 x channels.

// COLUMNS results of one row, all nine inputs of each inside the picture; `x`: the input above and left of the first.
template <int STRIDE, int COLUMNS>
inline void taps(const float* x, ptrdiff_t line, ptrdiff_t row, Some s, const Lanes* w, Lanes* sum) {
    constexpr int WIDE = STRIDE * (COLUMNS - 1) + 3;
    UNROLL for (int i = 0; i < 3; i++) {
        Lanes v[WIDE];
        UNROLL for (int j = 0; j < WIDE; j++) v[j] = load(s, x + i * line + j * row);
        UNROLL for (int j = 0; j < 3; j++) UNROLL for (int q = 0; q < COLUMNS; q++) sum[q] = fma(w[3 * i + j], v[STRIDE * q + j], sum[q]);
    }
}

template <int STRIDE>
void depthwise_rows(View x, View y, const float* turned, const float* bias, bool mirrored, bool begins) {
    EACH_LANES(y.channels) {
        Lanes w[9];
        UNROLL for (int k = 0; k < 9; k++) w[k] = load(s, turned + (mirrored ? 8 - k : k) * y.channels + c);
        const Lanes start = bias ? load(s, bias + c) : all(0);
        const ptrdiff_t line = static_cast<ptrdiff_t>(x.width) * x.row;
        for (int r = 0; r < y.height; r++) {
            const int top = STRIDE * r - 1;
            float* to = y.pixel(r, 0) + c;
            const bool inner = top >= 0 && top + 2 < x.height;
            for (int q = 0; q < y.width;) {
                const int left = STRIDE * q - 1;
                if (inner && left >= 0 && left + STRIDE * 3 + 2 < x.width && q + 4 <= y.width) {
                    Lanes sum[4];
                    UNROLL for (int k = 0; k < 4; k++) sum[k] = begins ? start : load(s, to + (q + k) * y.row);
                    taps<STRIDE, 4>(x.pixel(top, left) + c, line, x.row, s, w, sum);
                    UNROLL for (int k = 0; k < 4; k++) store(s, to + (q + k) * y.row, sum[k]);
                    q += 4;
                    continue;
                }
                Lanes sum[1] = {begins ? start : load(s, to + q * y.row)};
                if (inner && left >= 0 && left + 2 < x.width) {
                    taps<STRIDE, 1>(x.pixel(top, left) + c, line, x.row, s, w, sum);
                } else {
                    UNROLL for (int k = 0; k < 9; k++) {
                        const int yy = top + k / 3, xx = left + k % 3;
                        if (yy >= 0 && yy < x.height && xx >= 0 && xx < x.width) sum[0] = fma(w[k], load(s, x.pixel(yy, xx) + c), sum[0]);
                    }
                }
                store(s, to + q * y.row, sum[0]);
                q++;
            }
        }
    }
}

NOINLINE inline void depthwise(View x, View y, const float* turned, const float* bias, int stride) {
    stride == 1 ? depthwise_rows<1>(x, y, turned, bias, false, true) : depthwise_rows<2>(x, y, turned, bias, false, true);
}

template <int STRIDE>
NOINLINE void depthwise_weights_back(View x, View dy, float* dturned, float* dbias) {
    EACH_LANES(dy.channels) {
        Lanes sum[9], whole = load(s, dbias + c);
        UNROLL for (int k = 0; k < 9; k++) sum[k] = load(s, dturned + k * dy.channels + c);
        const ptrdiff_t line = static_cast<ptrdiff_t>(x.width) * x.row;
        for (int r = 0; r < dy.height; r++) {
            const int top = STRIDE * r - 1;
            const bool inner = top >= 0 && top + 2 < x.height;
            for (int q = 0; q < dy.width;) {
                const int left = STRIDE * q - 1;
                const float* from = dy.pixel(r, q) + c;
                if (inner && left >= 0 && left + STRIDE + 2 < x.width && q + 2 <= dy.width) {
                    const Lanes d0 = load(s, from), d1 = load(s, from + dy.row);
                    whole = add(whole, add(d0, d1));
                    const float* at = x.pixel(top, left) + c;
                    UNROLL for (int i = 0; i < 3; i++) {
                        Lanes v[STRIDE + 3];
                        UNROLL for (int j = 0; j < STRIDE + 3; j++) v[j] = load(s, at + i * line + j * x.row);
                        UNROLL for (int j = 0; j < 3; j++) sum[3 * i + j] = fma(d1, v[j + STRIDE], fma(d0, v[j], sum[3 * i + j]));
                    }
                    q += 2;
                    continue;
                }
                const Lanes d = load(s, from);
                whole = add(whole, d);
                UNROLL for (int k = 0; k < 9; k++) {
                    const int yy = top + k / 3, xx = left + k % 3;
                    if (yy >= 0 && yy < x.height && xx >= 0 && xx < x.width) sum[k] = fma(d, load(s, x.pixel(yy, xx) + c), sum[k]);
                }
                q++;
            }
        }
        UNROLL for (int k = 0; k < 9; k++) store(s, dturned + k * dy.channels + c, sum[k]);
        store(s, dbias + c, whole);
    }
}

// Stride 2: input r is row k of result y where r = 2y − 1 + k, so a square of four inputs takes from a square of four results.
NOINLINE inline void depthwise_halved_back(View dy, View dx, bool begins, const float* turned) {
    EACH_LANES(dx.channels) {
        Lanes w[9];
        UNROLL for (int k = 0; k < 9; k++) w[k] = load(s, turned + k * dx.channels + c);
        for (int y = 0; y < dy.height; y++) {
            const bool below = y + 1 < dy.height;
            Lanes here = load(s, dy.pixel(y, 0) + c), under = below ? load(s, dy.pixel(y + 1, 0) + c) : all(0);
            for (int x = 0; x < dy.width; x++) {
                const bool beside = x + 1 < dy.width;
                const Lanes right = beside ? load(s, dy.pixel(y, x + 1) + c) : all(0);
                const Lanes corner = beside && below ? load(s, dy.pixel(y + 1, x + 1) + c) : all(0);
                put(begins, s, dx.pixel(2 * y, 2 * x) + c, mul(w[4], here));
                put(begins, s, dx.pixel(2 * y, 2 * x + 1) + c, fma(w[3], right, mul(w[5], here)));
                put(begins, s, dx.pixel(2 * y + 1, 2 * x) + c, fma(w[1], under, mul(w[7], here)));
                const Lanes last = fma(w[6], right, fma(w[2], under, mul(w[8], here)));
                put(begins, s, dx.pixel(2 * y + 1, 2 * x + 1) + c, fma(w[0], corner, last));
                here = right;
                under = corner;
            }
        }
    }
}

NOINLINE inline void depthwise_back(View x, View dy, View dx, bool begins, const float* turned, float* dturned, float* dbias, int stride) {
    if (stride == 1) {
        depthwise_weights_back<1>(x, dy, dturned, dbias);
        depthwise_rows<1>(dy, dx, turned, nullptr, true, begins);
    } else {
        depthwise_weights_back<2>(x, dy, dturned, dbias);
        depthwise_halved_back(dy, dx, begins, turned);
    }
}

// ---- Mean over blocks of pixels; the result says how many blocks there are.

NOINLINE inline void pool(View x, View y) {
    const int high = x.height / y.height, wide = x.width / y.width;
    const Lanes share = all(1.0f / (high * wide));
    for (int r = 0; r < y.height; r++)
        for (int q = 0; q < y.width; q++) EACH_LANES(y.channels) {
            Lanes sum = all(0);
            for (int i = 0; i < high; i++)
                for (int j = 0; j < wide; j++) sum = add(sum, load(s, x.pixel(r * high + i, q * wide + j) + c));
            store(s, y.pixel(r, q) + c, mul(sum, share));
        }
}

NOINLINE inline void pool_back(View dy, View dx, bool begins) {
    const int high = dx.height / dy.height, wide = dx.width / dy.width;
    const Lanes share = all(1.0f / (high * wide));
    for (int r = 0; r < dy.height; r++)
        for (int q = 0; q < dy.width; q++) EACH_LANES(dy.channels) {
            const Lanes v = mul(load(s, dy.pixel(r, q) + c), share);
            for (int i = 0; i < high; i++)
                for (int j = 0; j < wide; j++) put(begins, s, dx.pixel(r * high + i, q * wide + j) + c, v);
        }
}

// ---- y = x · gate, each gate for a square of pixels.

NOINLINE inline void weigh(View x, View gate, View y) {
    const int halvings = log2(x.height / gate.height);
    for (int r = 0; r < y.height; r++)
        for (int q = 0; q < y.width; q++) {
            const float *from = x.pixel(r, q), *by = gate.pixel(r >> halvings, q >> halvings);
            float* to = y.pixel(r, q);
            EACH_LANES(y.channels) store(s, to + c, mul(load(s, from + c), load(s, by + c)));
        }
}

NOINLINE inline void weigh_back(View x, View gate, View dy, View dx, bool x_begins, View dgate, bool gate_begins) {
    const int side = x.height / gate.height;
    for (int r = 0; r < gate.height; r++)
        for (int q = 0; q < gate.width; q++) EACH_LANES(x.channels) {
            const Lanes g = load(s, gate.pixel(r, q) + c);
            Lanes sum = all(0);
            for (int i = r * side; i < (r + 1) * side; i++)
                for (int j = q * side; j < (q + 1) * side; j++) {
                    const Lanes d = load(s, dy.pixel(i, j) + c);
                    sum = fma(d, load(s, x.pixel(i, j) + c), sum);
                    put(x_begins, s, dx.pixel(i, j) + c, mul(d, g));
                }
            put(gate_begins, s, dgate.pixel(r, q) + c, sum);
        }
}

// ---- The end of a block: a0 b0 a1 b1 …, b times its channel's weight if there is one (else `weight.at` is null).

NOINLINE inline void shuffle(View a, View b, View weight, View y) {
    EACH_LANES(a.channels) {
        const Some low = first(2 * (a.channels - c)), high = first(2 * (a.channels - c) - LANES);
        const Lanes w = weight.at ? load(s, weight.at + c) : all(1);
        const float *pa = a.at + c, *pb = b.at + c;
        float* to = y.at + 2 * c;
        for (int p = 0; p < y.pixels(); p++, pa += a.row, pb += b.row, to += y.row) {
            Lanes l, h;
            interleave(load(s, pa), mul(load(s, pb), w), l, h);
            store(low, to, l);
            store(high, to + LANES, h);
        }
    }
}

NOINLINE inline void shuffle_back(View b, View weight, View dy, View da, bool a_begins, View db, bool b_begins, View dweight) {
    EACH_LANES(b.channels) {
        const Some low = first(2 * (b.channels - c)), high = first(2 * (b.channels - c) - LANES);
        const Lanes w = weight.at ? load(s, weight.at + c) : all(1);
        Lanes sum = all(0);
        const float *from = dy.at + 2 * c, *pb = b.at + c;
        float *pda = da.at + c, *pdb = db.at + c;
        for (int p = 0; p < b.pixels(); p++, from += dy.row, pb += b.row, pda += da.row, pdb += db.row) {
            Lanes even, odd;
            separate(load(low, from), load(high, from + LANES), even, odd);
            put(a_begins, s, pda, even);
            if (weight.at) sum = fma(odd, load(s, pb), sum);
            put(b_begins, s, pdb, mul(odd, w));
        }
        if (weight.at) store(s, dweight.at + c, sum);
    }
}

// ---- Sum of terms, each times a factor and enlarged by repeating pixels; perhaps a ReLU.

constexpr int MOST_TERMS = 4;

NOINLINE inline void sum_up(const View* x, const float* factor, int terms, View y, bool with_relu) {
    int halvings[MOST_TERMS];
    for (int k = 0; k < terms; k++) halvings[k] = log2(y.height / x[k].height);
    for (int r = 0; r < y.height; r++)
        for (int q = 0; q < y.width; q++) {
            const float* from[MOST_TERMS];
            for (int k = 0; k < terms; k++) from[k] = x[k].pixel(r >> halvings[k], q >> halvings[k]);
            float* to = y.pixel(r, q);
            EACH_LANES(y.channels) {
                Lanes sum = all(0);
                for (int k = 0; k < terms; k++) sum = fma(all(factor[k]), load(s, from[k] + c), sum);
                store(s, to + c, with_relu ? relu(sum) : sum);
            }
        }
}

NOINLINE inline void sum_up_back(View y, View dy, bool with_relu, const View* dx, const bool* begins, const float* factor, int terms) {
    if (with_relu) EACH_LANES(y.channels) {
        const float* v = y.at + c;
        float* d = dy.at + c;
        for (int p = 0; p < y.pixels(); p++, v += y.row, d += dy.row) store(s, d, where_positive(load(s, v), load(s, d)));
    }
    for (int k = 0; k < terms; k++) {
        const View to = dx[k];
        const int side = dy.height / to.height;
        const bool start = begins[k];
        const Lanes f = all(factor[k]);
        for (int r = 0; r < to.height; r++)
            for (int q = 0; q < to.width; q++) EACH_LANES(to.channels) {
                Lanes sum = all(0);
                for (int i = r * side; i < (r + 1) * side; i++)
                    for (int j = q * side; j < (q + 1) * side; j++) sum = add(sum, load(s, dy.pixel(i, j) + c));
                put(start, s, to.pixel(r, q) + c, mul(sum, f));
            }
    }
}

// ---- y = x + small, enlarged bilinearly with the corners aligned.

struct Between {
    int a, b;
    float to_b;
    Between(int i, int large, int small) {
        const float at = large > 1 ? i * static_cast<float>(small - 1) / (large - 1) : 0;
        a = static_cast<int>(at);
        b = std::min(a + 1, small - 1);
        to_b = at - a;
    }
};

NOINLINE inline void enlarge(View x, View small, View y) {
    for (int r = 0; r < y.height; r++) {
        const Between v(r, y.height, small.height);
        for (int q = 0; q < y.width; q++) {
            const Between h(q, y.width, small.width);
            EACH_LANES(y.channels) {
                const Lanes left = fma(all(v.to_b), load(s, small.pixel(v.b, h.a) + c), mul(all(1 - v.to_b), load(s, small.pixel(v.a, h.a) + c)));
                const Lanes right = fma(all(v.to_b), load(s, small.pixel(v.b, h.b) + c), mul(all(1 - v.to_b), load(s, small.pixel(v.a, h.b) + c)));
                store(s, y.pixel(r, q) + c, add(load(s, x.pixel(r, q) + c), fma(all(h.to_b), right, mul(all(1 - h.to_b), left))));
            }
        }
    }
}

NOINLINE inline void enlarge_back(View dy, View dx, bool x_begins, View dsmall, bool small_begins) {
    if (small_begins)
        for (int p = 0; p < dsmall.pixels(); p++) std::memset(dsmall.at + static_cast<ptrdiff_t>(p) * dsmall.row, 0, 4 * dsmall.channels);
    for (int r = 0; r < dy.height; r++) {
        const Between v(r, dy.height, dsmall.height);
        for (int q = 0; q < dy.width; q++) {
            const Between h(q, dy.width, dsmall.width);
            const int rows[2] = {v.a, v.b}, columns[2] = {h.a, h.b};
            const float down[2] = {1 - v.to_b, v.to_b}, right[2] = {1 - h.to_b, h.to_b};
            EACH_LANES(dy.channels) {
                const Lanes d = load(s, dy.pixel(r, q) + c);
                put(x_begins, s, dx.pixel(r, q) + c, d);
                for (int i = 0; i < 2; i++)
                    for (int j = 0; j < 2; j++) put(false, s, dsmall.pixel(rows[i], columns[j]) + c, mul(all(down[i] * right[j]), d));
            }
        }
    }
}
