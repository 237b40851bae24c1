// The nouns: what goes into an image, what comes out, and what the backward pass needs to remember.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "inline.h"

namespace splat {

constexpr int TILE = 16;          // pixels along a tile's side
constexpr int BLOCK = 4;          // pixels along a block's side: a block is one vector of lanes
constexpr int TILE_BLOCKS = 16;   // blocks in a tile, row by row
constexpr int TILE_PIXELS = 256;  // pixels in a tile, block by block
constexpr int CHUNK = 512;        // Gaussians that one thread projects at a time
constexpr int GEOMETRY_SUMS = 6;  // a pair's gradient sums before those of the channels, see blend_backward.h

// Memory for `T` that only grows, aligned for vectors and never initialised. Kernels read `data` alone.
template <class T>
struct Buffer {
    T* data = nullptr;
    size_t capacity = 0;

    Buffer() = default;
    Buffer(const Buffer&) = delete;
    Buffer& operator=(const Buffer&) = delete;
    ~Buffer();
    void reserve(size_t count);  // keeps nothing of the contents
    void grow(size_t count);     // keeps the contents
};

// A pinhole camera in OpenCV's frame (x right, y down, z forwards), principal point at the image's centre.
struct Camera {
    float rotation[9];  // camera from world, row by row
    float translation[3];
    float focal;  // pixels
    int width, height;
};

// See dreamgaussian.raster.Cutoffs and dreamgaussian.raster.conventions.
struct Conventions {
    float alpha_min, log2_alpha_min, alpha_max, transmittance_min;
    float near, blur, frustum_margin;
};

// `count` Gaussians as the optimiser holds them, row by row. An image's channels are depth, red, green, blue, extra.
struct Gaussians {
    int count, extra_channels;
    const float* means;           // 3 each
    const float* log_scales;      // 3 each
    const float* quats;           // 4 each, w x y z, of any length
    const float* opacity_logits;  // 1 each
    const float* colors;          // 3 each; what is drawn is max(0, color_offset + color_scale * color)
    const float* extra;           // extra_channels each
    float color_scale, color_offset;
};

struct GaussianGradients {
    float *means, *log_scales, *quats, *opacity_logits, *colors, *extra;
    float* screen_means;  // 2 each
};

// Row by row, channels last. Also holds the loss's gradients with respect to an image; there, any may be null.
template <class T>
struct ImageOf {
    T *color, *alpha, *depth, *extra;
};
using Image = ImageOf<float>;
using ImageGradients = ImageOf<const float>;

// A Gaussian on the screen: one cache line. At (dx, dy) from the centre, alpha = 2^(log2_opacity - u² - v²) with
// u = ux dx + uy dy and v = vy dy, the Cholesky factor of the inverse covariance: a sum of squares, so that nothing
// cancels however long and thin the splat is.
struct alignas(64) Splat {
    static constexpr int CHANNELS = 10;
    float x, y, ux, uy, vy, log2_opacity;
    float channels[CHANNELS];  // as many as fit; with more channels than that, see Frame::channels
};

// The blocks of one tile that one Gaussian reaches: bit b is block b of the tile.
struct Record {
    uint32_t tile, blocks;
};

// The same in a tile's list, with the record's number among all records: the slot of its gradient sums.
struct Pair {
    uint32_t splat, slot, blocks;
};

struct RecordRange {
    uint32_t first, count;  // `first` counts from the chunk's first record
};

// What projecting one chunk of Gaussians leaves behind.
struct Chunk {
    Buffer<Record> records;
    uint32_t record_count;
    uint32_t first_slot;     // number of records in the chunks before
    uint32_t visible_count;  // its sort keys and indices are the first ones at the chunk's place in Frame::keys
};

struct Kernels;

// Everything between a forward pass and its backward pass. Buffers are reused from image to image.
struct Frame {
    Camera camera;
    Conventions conventions;
    Gaussians gaussians;
    const Kernels* kernels;

    int channel_count, tiles_x, tiles_y;
    int threads;  // that share the binning
    uint32_t visible_count, pair_count;

    std::vector<std::unique_ptr<Chunk>> chunks;
    Buffer<Splat> splats;
    Buffer<float> channels;  // channel_count each; only where they do not fit into a Splat
    Buffer<RecordRange> record_ranges;
    Buffer<uint32_t> keys, order;  // depths as sortable integers, and indices: of the visible Gaussians
    Buffer<uint32_t> spare_keys, spare_order;
    Buffer<uint32_t> tile_cursors;  // per thread and tile
    Buffer<uint32_t> tile_begins;   // per tile, and the end
    Buffer<uint32_t> tile_order;    // the fullest first
    Buffer<Pair> pairs;
    Buffer<float> transmittances;  // per pixel, tile by tile, block by block
    Buffer<int32_t> last_pairs;    // the last pair that counted, per pixel
    Buffer<float> pair_sums;       // gradient sums, pair_stride() a slot

    INLINE_MEMBER int tile_count() const { return tiles_x * tiles_y; }
    INLINE_MEMBER int chunk_count() const { return (gaussians.count + CHUNK - 1) / CHUNK; }
    INLINE_MEMBER bool channels_fit() const { return channel_count <= Splat::CHANNELS; }
    INLINE_MEMBER int pair_stride() const { return (GEOMETRY_SUMS + channel_count + 3) / 4 * 4; }
};

// Memory of one thread, reused from tile to tile.
struct Scratch {
    Buffer<int32_t> block_lists;  // pairs of each block
    Buffer<float> lanes;          // accumulators and gradients of a tile's channels
};

}  // namespace splat
