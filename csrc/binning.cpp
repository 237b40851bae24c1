#include "binning.h"

#include <algorithm>
#include <cstring>
#include <numeric>
#include <stdexcept>
#include <utility>

namespace splat {
namespace {

constexpr int DIGIT_BITS = 11, DIGITS = 1 << DIGIT_BITS, PASSES = 3;  // three digits hold a key of 32 bits

void swap(Buffer<uint32_t>& a, Buffer<uint32_t>& b) {
    std::swap(a.data, b.data);
    std::swap(a.capacity, b.capacity);
}

// Moves the chunks' sort keys together.
void concatenate(Frame& frame) {
    uint64_t slots = 0;
    uint32_t visible = 0;
    for (int index = 0; index < frame.chunk_count(); index++) {
        Chunk& chunk = *frame.chunks[index];
        const size_t begin = static_cast<size_t>(index) * CHUNK, size = chunk.visible_count * sizeof(uint32_t);
        std::memmove(frame.keys.data + visible, frame.keys.data + begin, size);
        std::memmove(frame.order.data + visible, frame.order.data + begin, size);
        chunk.first_slot = static_cast<uint32_t>(slots);
        slots += chunk.record_count;
        visible += chunk.visible_count;
    }
    if (slots > INT32_MAX) throw std::length_error("more than 2^31 pairs of Gaussians and tiles");
    frame.pair_count = static_cast<uint32_t>(slots);
    frame.visible_count = visible;
}

// The records of the Gaussian that is `rank`-th by depth, and their first slot.
struct Records {
    const Record* begin;
    uint32_t count, slot;
};

inline Records records_of(const Frame& frame, uint32_t gaussian) {
    const Chunk& chunk = *frame.chunks[gaussian / CHUNK];
    const RecordRange range = frame.record_ranges.data[gaussian];
    return {chunk.records.data + range.first, range.count, chunk.first_slot + range.first};
}

// Calls `visit(gaussian, records)` for one thread's share of the Gaussians, from near to far. The share does not fit
// into the caches and is visited at random, hence the prefetching.
template <class Visit>
void for_share(const Frame& frame, int rank, Visit visit) {
    const uint64_t count = frame.visible_count;
    const uint32_t begin = static_cast<uint32_t>(count * rank / frame.threads);
    const uint32_t end = static_cast<uint32_t>(count * (rank + 1) / frame.threads);
    for (uint32_t i = begin; i < end; i++) {
        if (i + 12 < end) __builtin_prefetch(frame.record_ranges.data + frame.order.data[i + 12]);
        if (i + 6 < end) __builtin_prefetch(records_of(frame, frame.order.data[i + 6]).begin);
        visit(frame.order.data[i], records_of(frame, frame.order.data[i]));
    }
}

// Turns counts per thread and tile into places: tile by tile, and within a tile thread by thread.
void accumulate(Frame& frame) {
    uint32_t place = 0;
    for (int tile = 0; tile < frame.tile_count(); tile++) {
        frame.tile_begins.data[tile] = place;
        for (int rank = 0; rank < frame.threads; rank++)
            place +=
                std::exchange(frame.tile_cursors.data[static_cast<size_t>(rank) * frame.tile_count() + tile], place);
    }
    frame.tile_begins.data[frame.tile_count()] = place;
}

// Full tiles first, so that no thread is left alone with one at the end.
void order_tiles(Frame& frame) {
    uint32_t *order = frame.tile_order.data, *begins = frame.tile_begins.data;
    std::iota(order, order + frame.tile_count(), 0u);
    if (frame.threads == 1) return;
    std::stable_sort(order, order + frame.tile_count(), [begins](uint32_t a, uint32_t b) {
        return begins[a + 1] - begins[a] > begins[b + 1] - begins[b];
    });
}

}  // namespace

void sort_by_depth(Frame& frame) {
    concatenate(frame);
    const uint32_t count = frame.visible_count;
    frame.spare_keys.reserve(count);
    frame.spare_order.reserve(count);
    uint32_t places[PASSES][DIGITS] = {};
    for (uint32_t i = 0; i < count; i++)
        for (int pass = 0; pass < PASSES; pass++)
            places[pass][frame.keys.data[i] >> (pass * DIGIT_BITS) & (DIGITS - 1)]++;
    for (int pass = 0; pass < PASSES; pass++) {
        std::exclusive_scan(places[pass], places[pass] + DIGITS, places[pass], 0u);
        const uint32_t *keys = frame.keys.data, *order = frame.order.data;
        for (uint32_t i = 0; i < count; i++) {
            const uint32_t place = places[pass][keys[i] >> (pass * DIGIT_BITS) & (DIGITS - 1)]++;
            frame.spare_keys.data[place] = keys[i];
            frame.spare_order.data[place] = order[i];
        }
        swap(frame.keys, frame.spare_keys);
        swap(frame.order, frame.spare_order);
    }
}

uint32_t* tile_cursors(Frame& frame, const Team& team) {
    return frame.tile_cursors.data + static_cast<size_t>(team.rank()) * frame.tile_count();
}

void bin_into_tiles(Frame& frame, Team& team) {
    uint32_t* cursors = tile_cursors(frame, team);
    if (team.size() > 1) {
        std::fill(cursors, cursors + frame.tile_count(), 0u);
        for_share(frame, team.rank(), [&](uint32_t, const Records& records) {
            for (uint32_t k = 0; k < records.count; k++) cursors[records.begin[k].tile]++;
        });
    }
    team.meet();
    if (team.leads()) {
        accumulate(frame);
        order_tiles(frame);
        frame.pairs.reserve(frame.pair_count);
    }
    team.meet();
    for_share(frame, team.rank(), [&](uint32_t gaussian, const Records& records) {
        for (uint32_t k = 0; k < records.count; k++) {
            const Record& record = records.begin[k];
            frame.pairs.data[cursors[record.tile]++] = {gaussian, records.slot + k, record.blocks};
        }
    });
}

}  // namespace splat
