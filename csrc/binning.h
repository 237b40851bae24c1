// From the records of the Gaussians, in their own order, to the pairs of each tile, from near to far.
#pragma once

#include "frame.h"
#include "thread_pool.h"

namespace splat {

// Numbers the chunks' records and sorts the visible Gaussians by depth; equal depths keep their order.
void sort_by_depth(Frame& frame);

// A thread's counters, one per tile.
uint32_t* tile_cursors(Frame& frame, const Team& team);

// A counting sort of the records into tiles, by all threads of the team. A single thread finds the counts of the tiles
// in its `tile_cursors`; several count again, each its own share.
void bin_into_tiles(Frame& frame, Team& team);

}  // namespace splat
