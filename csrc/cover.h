// Which 4x4 blocks an ellipse reaches, exactly: no block is missed, and hardly any is named in vain.
//
// A slab is a row of blocks. Within the slab's pixel rows the ellipse's right end is at the row nearest to that of its
// rightmost point, and likewise on the left, so that both ends have a closed form. Sixteen slabs are done at once.
#pragma once

#include "footprint.h"

namespace splat {
namespace {

constexpr float SLACK = 1e-3f;  // pixels, against rounding

// Sixteen ellipses, ready to be read one at a time.
struct Outlines {
    alignas(64) float x[LANES], y[LANES], half_y[LANES];
    alignas(64) float rightmost_y[LANES];                         // height of the rightmost point above the centre
    alignas(64) float level[LANES];                               // the ellipse is u² + v² <= level, see Splat
    alignas(64) float vy[LANES], inverse_ux[LANES], lean[LANES];  // lean: how far right the axis goes per row
    alignas(64) int32_t first_slab[LANES], last_slab[LANES], first_column[LANES], last_column[LANES];

    INLINE_MEMBER void set(const Camera& camera, Floats center_x, Floats center_y, Floats half_x, Floats half_height,
                           Floats ellipse_level, const Footprint& f) {
        half_height = half_height + SLACK;
        half_x = half_x + SLACK;
        store(x, center_x), store(y, center_y), store(half_y, half_height);
        store(rightmost_y, f.covariance / f.variance_x * half_x);
        store(level, ellipse_level);
        store(vy, f.vy), store(inverse_ux, 1.0f / f.ux), store(lean, f.covariance / f.variance_y);
        const float last_y = (camera.height - 1) / BLOCK, last_x = (camera.width - 1) / TILE;
        const Floats low_y = (center_y - half_height - (BLOCK - 0.5f)) * (1.0f / BLOCK);
        const Floats high_y = (center_y + half_height - 0.5f) * (1.0f / BLOCK);
        const Floats low_x = (center_x - half_x - 0.5f) * (1.0f / TILE);
        const Floats high_x = (center_x + half_x - 0.5f) * (1.0f / TILE);
        store(first_slab, ceil_to_ints(clamp(low_y, 0.0f, last_y)));
        store(last_slab, floor_to_ints(clamp(high_y, -1.0f, last_y)));
        store(first_column, truncate(clamp(low_x, 0.0f, last_x)));
        store(last_column, truncate(clamp(high_x, 0.0f, last_x)));
    }
};

struct Slabs {
    Ints begin, end;  // first block, and one past the last; equal where the slab is missed
};

INLINE Slabs slabs_of(const Outlines& o, int lane, int first_slab, int width_blocks) {
    const Ints slab = load(LANE_INDEX) + first_slab;
    const Floats half_y = o.half_y[lane];
    const Floats top = fma(to_floats(slab), BLOCK, 0.5f - o.y[lane]);
    const Floats y0 = max(top, -half_y), y1 = min(top + (BLOCK - 1.0f), half_y);
    const Floats right_y = clamp(o.rightmost_y[lane], y0, y1), left_y = clamp(-o.rightmost_y[lane], y0, y1);
    const Floats right_v = right_y * o.vy[lane], left_v = left_y * o.vy[lane];
    const Floats right_u = sqrt(max(o.level[lane] - right_v * right_v, 0.0f));
    const Floats left_u = sqrt(max(o.level[lane] - left_v * left_v, 0.0f));
    const Floats right = fma(right_u, o.inverse_ux[lane], fma(right_y, o.lean[lane], o.x[lane] + SLACK));
    const Floats left = fma(left_y, o.lean[lane], o.x[lane] - SLACK) - left_u * o.inverse_ux[lane];

    const float last = static_cast<float>(width_blocks);
    const Floats begin = clamp((left - (BLOCK - 0.5f)) * (1.0f / BLOCK), -1.0f, last);
    const Floats end = clamp((right - 0.5f) * (1.0f / BLOCK), -1.0f, last - 1.0f);
    const Mask reached = (y0 <= y1) & (slab <= Ints(o.last_slab[lane]));
    Slabs slabs;
    slabs.begin = max(ceil_to_ints(begin), 0);
    slabs.end = max(select(reached, floor_to_ints(end) + 1, Ints(0)), slabs.begin);
    return slabs;
}

// Appends the records of one ellipse to the chunk and counts them by tile.
INLINE void cover(const Frame& frame, const Outlines& outlines, int lane, Chunk& chunk, uint32_t* tile_counts) {
    const int width_blocks = (frame.camera.width + BLOCK - 1) / BLOCK;
    const int last_slab = outlines.last_slab[lane];
    const int first_column = outlines.first_column[lane], last_column = outlines.last_column[lane];
    // Start at a tile's first slab, so that four neighbouring lanes are one tile.
    for (int slab = outlines.first_slab[lane] & ~3; slab <= last_slab; slab += LANES) {
        const Slabs slabs = slabs_of(outlines, lane, slab, width_blocks);
        const size_t most = static_cast<size_t>(last_column - first_column + 1) * (LANES / BLOCK);
        if (chunk.record_count + most > chunk.records.capacity) chunk.records.grow(chunk.record_count + most);
        Record* next = chunk.records.data + chunk.record_count;
        const int tile_rows = last_slab - slab < LANES - 1 ? (last_slab - slab) / BLOCK + 1 : LANES / BLOCK;
        // Block b of a tile is bit b, so a row of blocks within the tile has four bits, shifted by four times its number.
        const Ints shift = (load(LANE_INDEX) & 3) << 2;
        for (int column = first_column; column <= last_column; column++) {
            const Ints begin = clamp(slabs.begin - column * BLOCK, 0, BLOCK);
            const Ints end = clamp(slabs.end - column * BLOCK, 0, BLOCK);
            const Ints row_bits = (Ints(1) << end) - (Ints(1) << begin);  // bits begin to end - 1
            alignas(64) int32_t blocks[LANES];
            store(blocks, or_quads(row_bits << shift));  // the four rows of each tile in one mask
            for (int row = 0; row < tile_rows; row++) {
                next->tile = static_cast<uint32_t>((slab / BLOCK + row) * frame.tiles_x + column);
                next->blocks = static_cast<uint32_t>(blocks[row * BLOCK]);
                const bool reached = next->blocks != 0;
                tile_counts[next->tile] += reached;
                next += reached;
            }
        }
        chunk.record_count = static_cast<uint32_t>(next - chunk.records.data);
    }
}

}  // namespace
}  // namespace splat
