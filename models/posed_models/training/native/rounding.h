// int8 rounding inside a float network: scale · a whole number from `low` to `high`, for each channel. Going back, what was cut off has no
// gradient, and the steps count for nothing. `constants`: scales, their inverses, lows, highs, each padded to PADDED.
#pragma once
#include "operators.h"

constexpr int PADDED = 16;  // record.py's ALIGN

struct Steps {
    Lanes scale, inverse, low, high;
    Steps(const float* constants, int channels, int c) {
        const int row = (channels + PADDED - 1) / PADDED * PADDED;
        const Some s = first(LANES);
        scale = load(s, constants + c), inverse = load(s, constants + row + c);
        low = load(s, constants + 2 * row + c), high = load(s, constants + 3 * row + c);
    }
};

NOINLINE inline void round_off(View x, View y, const float* constants) {
    EACH_LANES(y.channels) {
        const Steps k(constants, y.channels, c);
        const float* from = x.at + c;
        float* to = y.at + c;
        for (int p = 0; p < y.pixels(); p++, from += x.row, to += y.row)
            store(s, to, mul(between(nearest(mul(load(s, from), k.inverse)), k.low, k.high), k.scale));
    }
}

NOINLINE inline void round_off_back(View x, View dy, View dx, bool begins, const float* constants) {
    EACH_LANES(x.channels) {
        const Steps k(constants, x.channels, c);
        const float *v = x.at + c, *d = dy.at + c;
        float* to = dx.at + c;
        for (int p = 0; p < x.pixels(); p++, v += x.row, d += dy.row, to += dx.row)
            put(begins, s, to, where_between(nearest(mul(load(s, v), k.inverse)), k.low, k.high, load(s, d)));
    }
}
