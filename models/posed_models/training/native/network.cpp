// A folded Lite-HRNet as a list of operators, run forward and backward on the CPU: one picture a thread at a time, so that what a picture
// needs stays in the caches. trace.py and record.py make the list, memory.py says where everything lies.
//
// In: pictures n x H x W x 3 float32, normalised, and the joints to find or the heatmaps to give. Out: heatmaps n x H/4 x W/4 x J, or a loss
// and its gradients.
#include "rounding.h"

#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <memory>
#include <new>
#include <thread>
#include <vector>

enum Kind { POINTWISE, DEPTHWISE, STEM, POOL, WEIGH, SHUFFLE, SUM, ENLARGE, ROUND };

// Both structures are written by library.py, field by field.
struct Tensor {
    int64_t value, gradient;  // where in a thread's memory
    int32_t height, width, channels, row;
};
struct Operator {
    int32_t kind, inputs, input[MOST_TERMS], begins[MOST_TERMS];
    float factor[MOST_TERMS];
    int32_t output, option, unused;  // option: activation, or stride, or whether a ReLU follows
    int64_t weight, bias;
};

namespace {

// Memory in large pages, where the system has them to give.
struct Arena {
    float* at;
    explicit Arena(int64_t floats) {
        constexpr size_t PAGE = 2 << 20;
        const size_t bytes = (floats * sizeof(float) + 2 * PAGE - 1) & ~(PAGE - 1);  // a vector may be read past the end
        at = static_cast<float*>(std::aligned_alloc(PAGE, bytes));
        if (!at) throw std::bad_alloc();
#ifdef MADV_HUGEPAGE
        madvise(at, bytes, MADV_HUGEPAGE);
#endif
    }
    ~Arena() { std::free(at); }
    Arena(const Arena&) = delete;
    Arena(Arena&& o) noexcept : at(o.at) { o.at = nullptr; }
};

struct Weights {
    const float *plain, *turned, *bias;  // outputs x inputs, inputs x outputs (depthwise: 9 x channels), outputs
    const float* rounding;               // a quantised network's constants
};

struct Worker {
    Arena values, gradients, dweights;
};

struct Network {
    std::vector<Tensor> tensors;
    std::vector<Operator> operators;
    int64_t weights, biases;
    int image, heatmaps;
    std::vector<Worker> workers;

    View value(const Worker& w, int i) const { return view(w.values.at + tensors[i].value, i); }
    View gradient(const Worker& w, int i) const { return view(w.gradients.at + tensors[i].gradient, i); }
    View view(float* at, int i) const {
        const Tensor& t = tensors[i];
        return {at, t.height, t.width, t.channels, t.row};
    }
    int64_t pixels() const { return static_cast<int64_t>(tensors[image].height) * tensors[image].width * 3; }

    void forward(const Worker& w, Weights p, const float* picture) const {
        std::memcpy(value(w, image).at, picture, pixels() * sizeof(float));
        for (const Operator& o : operators) {
            const View x = value(w, o.input[0]), y = value(w, o.output), second = o.inputs > 1 ? value(w, o.input[1]) : x;
            const float *turned = p.turned + o.weight, *bias = p.bias + o.bias;
            switch (o.kind) {
                case POINTWISE: pointwise(x, y, turned, bias, static_cast<Act>(o.option)); break;
                case DEPTHWISE: depthwise(x, y, turned, bias, o.option); break;
                case STEM: stem(x, second, y, turned, bias); break;
                case POOL: pool(x, y); break;
                case WEIGH: weigh(x, second, y); break;
                case SHUFFLE: shuffle(x, second, o.inputs == 3 ? value(w, o.input[2]) : View{}, y); break;
                case SUM: {
                    View terms[MOST_TERMS];
                    for (int k = 0; k < o.inputs; k++) terms[k] = value(w, o.input[k]);
                    sum_up(terms, o.factor, o.inputs, y, o.option);
                    break;
                }
                case ENLARGE: enlarge(x, second, y); break;
                case ROUND: round_off(x, y, p.rounding + o.weight); break;
            }
        }
    }

    void backward(const Worker& w, Weights p) const {
        for (size_t i = operators.size(); i-- > 0;) {
            const Operator& o = operators[i];
            const View x = value(w, o.input[0]), y = value(w, o.output), dy = gradient(w, o.output), dx = gradient(w, o.input[0]);
            const View second = o.inputs > 1 ? value(w, o.input[1]) : x, dsecond = o.inputs > 1 ? gradient(w, o.input[1]) : dx;
            float *dw = w.dweights.at + o.weight, *dbias = w.dweights.at + weights + o.bias;
            switch (o.kind) {
                case POINTWISE: pointwise_back(x, y, dy, dx, o.begins[0], p.plain + o.weight, dw, dbias, static_cast<Act>(o.option)); break;
                case DEPTHWISE: depthwise_back(x, dy, dx, o.begins[0], p.turned + o.weight, dw, dbias, o.option); break;
                case STEM: stem_back(second, y, dy, dw, dbias); break;
                case POOL: pool_back(dy, dx, o.begins[0]); break;
                case WEIGH: weigh_back(x, second, dy, dx, o.begins[0], dsecond, o.begins[1]); break;
                case SHUFFLE: {
                    const bool weighted = o.inputs == 3;
                    const View weight = weighted ? value(w, o.input[2]) : View{}, dweight = weighted ? gradient(w, o.input[2]) : View{};
                    shuffle_back(second, weight, dy, dx, o.begins[0], dsecond, o.begins[1], dweight);
                    break;
                }
                case SUM: {
                    View terms[MOST_TERMS];
                    bool begins[MOST_TERMS];
                    for (int k = 0; k < o.inputs; k++) terms[k] = gradient(w, o.input[k]), begins[k] = o.begins[k];
                    sum_up_back(y, dy, o.option, terms, begins, o.factor, o.inputs);
                    break;
                }
                case ENLARGE: enlarge_back(dy, dx, o.begins[0], dsecond, o.begins[1]); break;
                case ROUND: round_off_back(x, dy, dx, o.begins[0], p.rounding + o.weight); break;
            }
        }
    }

    // Puts the loss's gradient in the heatmaps' place and returns the loss: scale · Σ weight·(heatmap − amplitude·exp(−d²/2σ²))².
    // `joints`: J x 4, column and row in cells, amplitude, weight.
    double loss(const Worker& w, const float* joints, float sigma, float scale) const {
        const View y = value(w, heatmaps), dy = gradient(w, heatmaps);
        std::vector<float> across(y.width), down(y.height);
        double total = 0;
        for (int j = 0; j < y.channels; j++, joints += 4) {
            const auto bell = [&](float d) { return std::exp(-d * d / (2 * sigma * sigma)); };
            for (int c = 0; c < y.width; c++) across[c] = bell(c - joints[0]);
            for (int r = 0; r < y.height; r++) down[r] = joints[2] * bell(r - joints[1]);
            for (int r = 0; r < y.height; r++)
                for (int c = 0; c < y.width; c++) {
                    const float error = y.pixel(r, c)[j] - down[r] * across[c];
                    total += joints[3] * error * error * scale;
                    dy.pixel(r, c)[j] = 2 * joints[3] * error * scale;
                }
        }
        return total;
    }

    // The same for scale · Σ weight·(heatmap − wanted)²; without weights, they are 1.
    double difference(const Worker& w, const float* wanted, const float* weights, float scale) const {
        const View y = value(w, heatmaps), dy = gradient(w, heatmaps);
        double total = 0;
        for (int p = 0; p < y.pixels(); p++)
            for (int j = 0; j < y.channels; j++) {
                const float error = y.at[p * y.row + j] - *wanted++, weighed = weights ? error * *weights++ : error;
                total += weighed * error * scale;
                dy.at[p * dy.row + j] = 2 * weighed * scale;
            }
        return total;
    }

    // Does `work(worker, i)` for i below `count`, every worker in a thread of its own.
    template <typename Work>
    void share_out(int count, const Work& work) {
        std::atomic<int> next{0};
        const auto one = [&](Worker& w) {
            for (int i; (i = next++) < count;) work(w, i);
        };
        std::vector<std::thread> threads;
        for (size_t t = 1; t < workers.size(); t++) threads.emplace_back([&, t] { one(workers[t]); });
        one(workers[0]);
        for (std::thread& t : threads) t.join();
    }

    // Writes the gradients of all weights and biases, summed over the pictures, for `loss(worker, i)` of picture i; returns the losses' sum.
    template <typename Loss>
    double learn(Weights p, const float* pictures, int count, float* gradients, const Loss& loss) {
        const int64_t size = weights + biases;
        for (Worker& w : workers) std::memset(w.dweights.at, 0, size * sizeof(float));
        std::vector<double> losses(count);
        share_out(count, [&](Worker& w, int i) {
            forward(w, p, pictures + i * pixels());
            losses[i] = loss(w, i);
            backward(w, p);
        });
        std::memset(gradients, 0, size * sizeof(float));
        for (Worker& w : workers)
            for (int64_t i = 0; i < size; i++) gradients[i] += w.dweights.at[i];
        double total = 0;
        for (double l : losses) total += l;
        return total;
    }
};

}  // namespace

extern "C" {

// `values` and `gradients`: floats that a picture needs; null if there is no memory.
void* network_new(const Tensor* tensors, int tensor_count, const Operator* operators, int operator_count, int64_t values, int64_t gradients,
                  int64_t weights, int64_t biases, int image, int heatmaps, int threads) {
    try {
        std::unique_ptr<Network> n(new Network{
            {tensors, tensors + tensor_count}, {operators, operators + operator_count}, weights, biases, image, heatmaps, {}});
        for (int i = 0; i < threads; i++) n->workers.push_back({Arena(values), Arena(gradients), Arena(weights + biases)});
        return n.release();
    } catch (const std::bad_alloc&) {
        return nullptr;
    }
}

void network_free(void* n) { delete static_cast<Network*>(n); }

void network_run(void* network, Weights p, const float* pictures, int count, float* heatmaps) {
    auto& n = *static_cast<Network*>(network);
    n.share_out(count, [&](Worker& w, int i) {
        n.forward(w, p, pictures + i * n.pixels());
        const View y = n.value(w, n.heatmaps);
        std::memcpy(heatmaps + static_cast<int64_t>(i) * y.pixels() * y.channels, y.at, sizeof(float) * y.pixels() * y.channels);
    });
}

// `gradients`: see Network::learn.
double network_learn(void* network, Weights p, const float* pictures, const float* joints, int count, float sigma, float scale, float* gradients) {
    auto& n = *static_cast<Network*>(network);
    const int64_t each = static_cast<int64_t>(n.tensors[n.heatmaps].channels) * 4;
    return n.learn(p, pictures, count, gradients, [&](Worker& w, int64_t i) { return n.loss(w, joints + i * each, sigma, scale); });
}

double network_follow(
    void* network, Weights p, const float* pictures, const float* wanted, const float* weights, int count, float scale, float* gradients
) {
    auto& n = *static_cast<Network*>(network);
    const Tensor& t = n.tensors[n.heatmaps];
    const int64_t each = static_cast<int64_t>(t.height) * t.width * t.channels;
    return n.learn(p, pictures, count, gradients, [&](Worker& w, int64_t i) {
        return n.difference(w, wanted + i * each, weights ? weights + i * each : nullptr, scale);
    });
}
}
