#include "render.h"

#include <algorithm>
#include <atomic>
#include <mutex>

#include "binning.h"
#include "dispatch.h"
#include "kernels.h"
#include "thread_pool.h"

namespace splat {
namespace {

constexpr size_t MOST_IDLE_FRAMES = 4;

// A forked child may inherit the mutex locked, but only if another thread was inside; try_lock keeps it from hanging.
std::mutex idle_mutex;
std::vector<Frame*> idle_frames;

FramePtr take_frame() {
    std::unique_lock<std::mutex> lock(idle_mutex, std::try_to_lock);
    if (!lock.owns_lock() || idle_frames.empty()) return FramePtr(new Frame);
    FramePtr frame(idle_frames.back());
    idle_frames.pop_back();
    return frame;
}

// Hands out 0, 1, 2... to the threads of a team.
class Counter {
  public:
    explicit Counter(int end) : end_(end) {}
    template <class Visit>
    void drain(Visit visit) {
        for (int i = next_++; i < end_; i = next_++) visit(i);
    }

  private:
    std::atomic<int> next_{0};
    const int end_;
};

Scratch& scratch_of_this_thread() {
    static thread_local Scratch scratch;
    return scratch;
}

void prepare(Frame& frame, int threads) {
    const size_t count = frame.gaussians.count;
    frame.channel_count = 4 + frame.gaussians.extra_channels;
    frame.tiles_x = (frame.camera.width + TILE - 1) / TILE;
    frame.tiles_y = (frame.camera.height + TILE - 1) / TILE;
    while (static_cast<int>(frame.chunks.size()) < frame.chunk_count()) frame.chunks.emplace_back(new Chunk);
    frame.splats.reserve(count);
    if (!frame.channels_fit()) frame.channels.reserve(count * frame.channel_count);
    frame.record_ranges.reserve(count);
    frame.keys.reserve(count);
    frame.order.reserve(count);
    const size_t tiles = frame.tile_count();
    frame.tile_cursors.reserve(tiles * threads);
    frame.tile_begins.reserve(tiles + 1);
    frame.tile_order.reserve(tiles);
    frame.transmittances.reserve(tiles * TILE_PIXELS);
    frame.last_pairs.reserve(tiles * TILE_PIXELS);
}

}  // namespace

void Recycle::operator()(Frame* frame) const {
    {
        std::unique_lock<std::mutex> lock(idle_mutex, std::try_to_lock);
        if (lock.owns_lock() && idle_frames.size() < MOST_IDLE_FRAMES) {
            idle_frames.push_back(frame);
            return;
        }
    }
    delete frame;
}

FramePtr forward(const Gaussians& gaussians, const Camera& camera, const Conventions& conventions,
                 const ForwardOutputs& outputs, int threads) {
    FramePtr frame = take_frame();
    frame->gaussians = gaussians;
    frame->camera = camera;
    frame->conventions = conventions;
    frame->kernels = &current_kernels();
    prepare(*frame, threads);

    const Kernels& kernels = *frame->kernels;
    Counter chunks(frame->chunk_count()), tiles(frame->tile_count());
    ThreadPool::shared().run(threads, [&](Team& team) {
        if (team.leads()) frame->threads = team.size();
        uint32_t* tile_counts = tile_cursors(*frame, team);
        std::fill_n(tile_counts, frame->tile_count(), 0u);
        chunks.drain([&](int index) {
            kernels.project(*frame, index, *frame->chunks[index], tile_counts, outputs.radii, outputs.screen_means);
        });
        team.meet();
        if (team.leads()) sort_by_depth(*frame);
        team.meet();
        bin_into_tiles(*frame, team);
        team.meet();
        tiles.drain([&](int i) {
            kernels.blend(*frame, frame->tile_order.data[i], scratch_of_this_thread(), outputs.image);
        });
    });
    return frame;
}

void backward(Frame& frame, const ImageGradients& gradients, const GaussianGradients& outputs, int threads) {
    // The last slot is read by whole vectors.
    frame.pair_sums.reserve(static_cast<size_t>(frame.pair_count) * frame.pair_stride() + 16);
    const Kernels& kernels = *frame.kernels;
    Counter chunks(frame.chunk_count()), tiles(frame.tile_count());
    ThreadPool::shared().run(threads, [&](Team& team) {
        Scratch& scratch = scratch_of_this_thread();
        tiles.drain([&](int i) {
            kernels.blend_backward(frame, frame.tile_order.data[i], scratch, gradients);
        });
        team.meet();
        chunks.drain(
            [&](int index) { kernels.project_backward(frame, index, *frame.chunks[index], scratch, outputs); });
    });
}

}  // namespace splat
